"""Admitted -> Screened | Rejection, in cells on the real engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from orchestrator.candidate import Admitted, Proposed, Reason, Rejection, Screened, Stage
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import connect
from orchestrator.sandbox.owner import LABEL_INSTANCE
from orchestrator.stages.screen import screen_programs

pytestmark = pytest.mark.docker

HEAD = "import torch\n\n\ndef merge_models(model_dict, device):\n"
MEAN = HEAD + "    return sum(model_dict.values()) / 3\n"
HANG = HEAD + "    while True:\n        pass\n"
Screen = Callable[..., list[Screened | Rejection]]


@pytest.fixture
def screen(docker_sandbox: DockerSandbox, propose: Callable[..., Proposed]) -> Screen:
    """Screen sources; their ids are p0, p1, ..."""

    def several(
        sources: Sequence[str],
        *,
        seen: dict[str, str] | None = None,
        observe: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
        timeout_seconds: float = 4.0,
    ) -> list[Screened | Rejection]:
        programs = [
            Admitted(proposed=propose(source, f"p{number}"), policy_digest="", ast_digest="")
            for number, source in enumerate(sources)
        ]
        return list(
            screen_programs(
                programs,
                sandbox=docker_sandbox,
                names=("add", "sub", "mul"),
                seed=0,
                profile="strict",
                timeout_seconds=timeout_seconds,
                seen=seen,
                observe=observe,
            )
        )

    return several


def scaled(factor: float) -> str:
    return HEAD + f"    return {factor} * model_dict['add']\n"


def reasons(outcomes: list[Screened | Rejection]) -> list[Reason | None]:
    return [outcome.reason if isinstance(outcome, Rejection) else None for outcome in outcomes]


def test_outcomes_come_in_the_order_of_the_programs(screen: Screen) -> None:
    sources = [scaled(1 + number / 10) if number % 5 else HEAD + "    return 1\n" for number in range(40)]
    outcomes = screen(sources)
    assert [outcome.proposed.id for outcome in outcomes] == [f"p{number}" for number in range(40)]
    assert reasons(outcomes) == [None if number % 5 else Reason.WRONG_DTYPE for number in range(40)]


def test_a_program_that_computes_what_an_earlier_one_does_is_a_duplicate(screen: Screen) -> None:
    seen: dict[str, str] = {}
    again = HEAD + "    total = 0\n    for t in model_dict.values():\n        total = total + t / 3\n    return total\n"
    first, second, third = screen([MEAN, again, scaled(2)], seen=seen)
    assert isinstance(first, Screened)
    assert isinstance(second, Rejection)
    assert (second.stage, second.reason, second.duplicate_of) == (Stage.SCREEN, Reason.DUPLICATE, "p0")
    assert isinstance(third, Screened)
    assert seen == {first.fingerprint: "p0", third.fingerprint: "p2"}


def test_duplicates_pass_where_nobody_keeps_account(screen: Screen) -> None:
    assert reasons(screen([MEAN, MEAN], seen=None)) == [None, None]


def test_a_program_that_hangs_is_the_only_one_blamed(screen: Screen) -> None:
    outcomes = screen([scaled(1), HANG, scaled(2)], timeout_seconds=2.0)
    assert reasons(outcomes) == [None, Reason.TIMEOUT, None]


def test_a_program_that_takes_all_memory_is_the_only_one_blamed(screen: Screen) -> None:
    greedy = HEAD + "    kept = []\n    while True:\n        kept.append(torch.ones(4_000_000))\n"
    assert reasons(screen([scaled(1), greedy, scaled(2)])) == [None, Reason.OUT_OF_MEMORY, None]


def test_unseeded_randomness_is_seeded_by_the_platform(screen: Screen) -> None:
    assert reasons(screen([HEAD + "    return torch.rand_like(model_dict['add'])\n"])) == [None]


def test_no_programs_need_no_cell(screen: Screen) -> None:
    events: list[str] = []
    assert screen([], observe=lambda kind, _: events.append(kind)) == []
    assert events == []


def test_a_cell_is_replaced_after_its_share_of_programs(screen: Screen) -> None:
    events: list[tuple[str, Mapping[str, Any]]] = []
    outcomes = screen([scaled(1 + n / 50) for n in range(40)], observe=lambda kind, data: events.append((kind, data)))
    assert reasons(outcomes) == [None] * 40
    created = {data["container_id"] for kind, data in events if kind == "sandbox.created"}
    exited = {data["container_id"] for kind, data in events if kind == "sandbox.exited"}
    assert len(created) >= 3  # 16 programs each
    assert created == exited


def test_a_cell_has_no_models_and_no_output(screen: Screen) -> None:
    mounts: list[Any] = []
    screen([MEAN], observe=lambda kind, data: mounts.append(data.get("host_config", {}).get("Mounts")))
    assert mounts == [None, None, None]


def test_screening_that_nobody_waits_for_any_more_leaves_no_cell(
    docker_sandbox: DockerSandbox, propose: Callable[..., Proposed]
) -> None:
    programs = [Admitted(proposed=propose(scaled(1 + n), f"p{n}"), policy_digest="", ast_digest="") for n in range(20)]
    outcomes = screen_programs(
        programs,
        sandbox=docker_sandbox,
        names=("add",),
        seed=0,
        profile="strict",
        timeout_seconds=4,
        seen=None,
        observe=lambda *_: None,
    )
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    client = connect()
    try:
        label = {"label": [f"{LABEL_INSTANCE}={docker_sandbox.instance}"]}
        assert client.api.containers(all=True, filters=label) == []
    finally:
        client.close()
