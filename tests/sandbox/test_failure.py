"""Whose fault it was: the steps of `failure.py`, and that no message makes a fault go away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.candidate import Reason
from orchestrator.sandbox.failure import CLAIMABLE, Facts, judge, platform_fault
from sandbox_image.protocol import EXIT_FAILED, MESSAGE_KINDS, Message

BEGUN = (Message(kind="ready"), Message(kind="started"))
GOOD = Facts(
    exit_code=0,
    timed_out=False,
    oom_killed=False,
    flooded=False,
    leftover_processes=0,
    messages=(*BEGUN, Message(kind="done")),
    malformed="",
    timeout_seconds=5.0,
)


def reason(**changes: object) -> Reason | None:
    fault = judge(replace(GOOD, **changes))  # type: ignore[arg-type]
    return fault.reason if fault else None


def failed(claim: str) -> tuple[Message, ...]:
    return (*BEGUN, Message(kind="failed", reason=claim, detail="so it says"))


def test_a_clean_run_is_left_to_verify() -> None:
    assert judge(GOOD) is None


def test_status_zero_without_done_is_left_to_verify() -> None:
    assert reason(messages=BEGUN) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"timed_out": True, "exit_code": 137}, Reason.TIMEOUT),
        ({"oom_killed": True, "exit_code": 137}, Reason.OUT_OF_MEMORY),
        ({"oom_killed": True}, Reason.OUT_OF_MEMORY),
        ({"exit_code": 137}, Reason.KILLED),
        ({"exit_code": 139}, Reason.KILLED),
        ({"exit_code": 192}, Reason.KILLED),
        ({"exit_code": 193}, Reason.RUNTIME_ERROR),
        ({"exit_code": 255}, Reason.RUNTIME_ERROR),
        ({"exit_code": 1}, Reason.RUNTIME_ERROR),
        ({"flooded": True, "exit_code": 137, "timed_out": True}, Reason.PROTOCOL),
        ({"leftover_processes": 1}, Reason.PROTOCOL),
        ({"malformed": "not JSON"}, Reason.PROTOCOL),
        ({"messages": (*BEGUN, Message(kind="done"), Message(kind="done"))}, Reason.PROTOCOL),
        ({"messages": (*BEGUN, Message(kind="screened"))}, Reason.PROTOCOL),
        ({"messages": failed("runtime_error")}, Reason.PROTOCOL),
        ({"exit_code": EXIT_FAILED}, Reason.PROTOCOL),
        ({"exit_code": EXIT_FAILED, "messages": failed("duplicate")}, Reason.PROTOCOL),
        ({"exit_code": EXIT_FAILED, "messages": failed("no such reason")}, Reason.PROTOCOL),
        ({"exit_code": EXIT_FAILED, "messages": failed("not_finite"), "malformed": "x"}, Reason.PROTOCOL),
    ],
)
def test_what_the_host_saw_decides(changes: dict[str, object], expected: Reason) -> None:
    assert reason(**changes) is expected


@pytest.mark.parametrize("claim", sorted(CLAIMABLE))
def test_a_failed_runner_is_asked_why(claim: Reason) -> None:
    assert reason(exit_code=EXIT_FAILED, messages=failed(claim.value)) is claim


@given(
    messages=st.lists(
        st.builds(Message, kind=st.sampled_from(sorted(MESSAGE_KINDS)), reason=st.sampled_from(sorted(Reason))),
        max_size=4,
    ),
    exit_code=st.integers(min_value=1, max_value=255),
)
def test_no_message_excuses_a_bad_exit(messages: list[Message], exit_code: int) -> None:
    assert reason(exit_code=exit_code, messages=(*BEGUN, *messages)) is not None


@pytest.mark.parametrize("messages", [(), BEGUN[:1], (Message(kind="failed"),), BEGUN[::-1]])
def test_an_end_before_the_program_was_loaded_is_the_platforms(messages: tuple[Message, ...]) -> None:
    assert platform_fault(replace(GOOD, exit_code=137, messages=messages))


def test_an_end_after_it_was_loaded_is_not() -> None:
    assert platform_fault(replace(GOOD, exit_code=137, messages=BEGUN)) == ""


@pytest.mark.parametrize("exit_code", [1, 10, 137, 143])
def test_a_container_that_the_platform_ended_is_the_platforms(exit_code: int) -> None:
    facts = replace(GOOD, exit_code=exit_code, messages=BEGUN, interference="the engine sent it signal 15")
    assert platform_fault(facts) == "the engine sent it signal 15"


def test_memory_that_ran_out_elsewhere_is_the_platforms() -> None:
    facts = replace(GOOD, exit_code=137, messages=BEGUN, oom_killed=True, starved_by_others=True)
    assert "had not reached its own limit" in platform_fault(facts)


def test_memory_that_ran_out_within_is_the_programs() -> None:
    facts = replace(GOOD, exit_code=137, messages=BEGUN, oom_killed=True)
    assert platform_fault(facts) == ""
    assert reason(exit_code=137, messages=BEGUN, oom_killed=True) is Reason.OUT_OF_MEMORY


@given(
    messages=st.lists(
        st.builds(Message, kind=st.sampled_from(sorted(MESSAGE_KINDS)), reason=st.sampled_from(sorted(Reason))),
        max_size=4,
    )
)
def test_no_message_blames_the_platform_for_a_program_that_had_begun(messages: list[Message]) -> None:
    assert platform_fault(replace(GOOD, exit_code=137, messages=(*BEGUN, *messages))) == ""


def test_details_hold_no_control_characters() -> None:
    fault = judge(
        replace(
            GOOD, exit_code=EXIT_FAILED, messages=(*BEGUN, Message(kind="failed", reason="syntax", detail="\x1b[2J"))
        )
    )
    assert fault is not None
    assert fault.detail == "\\x1b[2J"
