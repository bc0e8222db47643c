"""Verdicts of the screen that are repeated: what counts as a disagreement, and who is blamed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from orchestrator.candidate import Reason
from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.base import Fault, Observer, ScreenResult
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.recheck import SETTLING_CELLS, is_drawn, screen_with_rechecks
from sandbox_image.protocol import ScreenJob
from tests.fakes import FakeSandbox


class Cells(FakeSandbox):
    """Answers each call of `screen` from the next table: id -> verdict; a missing id passes."""

    def __init__(self, *tables: Mapping[str, str]) -> None:
        super().__init__()
        self.tables = list(tables)
        self.calls: list[list[str]] = []

    def screen(self, jobs: Sequence[ScreenJob], observe: Observer) -> Iterator[ScreenResult]:
        self.calls.append([job.id for job in jobs])
        table = self.tables.pop(0) if self.tables else {}
        return (self._answer(job.id, table.get(job.id, "f" * 64)) for job in jobs)

    @staticmethod
    def _answer(name: str, verdict: str) -> ScreenResult:
        if len(verdict) == 64:
            return ScreenResult(id=name, fingerprint=verdict, fault=None)
        return ScreenResult(id=name, fingerprint="", fault=Fault(reason=Reason(verdict), detail=""))


def job(name: str, digest: str = "") -> ScreenJob:
    return ScreenJob(
        id=name,
        source="",
        program_digest=digest or name,
        profile="strict",
        seed=1,
        candidate_names=("add",),
        timeout_seconds=1.0,
    )


def take(cells: Cells, names: Sequence[str] = ("a", "b"), share: float = 1.0) -> tuple[list[ScreenResult], list[Any]]:
    events: list[Any] = []
    results = screen_with_rechecks(
        [job(name) for name in names], sandbox=cells, share=share, observe=lambda *event: events.append(event)
    )
    return list(results), events


def test_verdicts_that_agree_pass_through_and_are_recorded() -> None:
    cells = Cells()
    results, events = take(cells)
    assert [result.fingerprint for result in results] == ["f" * 64] * 2
    assert cells.calls == [["a", "b"], ["a", "b"]]
    assert events == [("screen.rechecked", {"programs": ["a", "b"], "disagreed": []})]


def test_without_a_share_nothing_is_repeated_or_recorded() -> None:
    cells = Cells()
    _, events = take(cells, share=0.0)
    assert cells.calls == [["a", "b"]]
    assert events == []


@pytest.mark.parametrize("lie", ["e" * 64, "runtime_error", "killed"])
def test_a_cell_that_says_what_no_fresh_cell_says_stops_the_run(lie: str) -> None:
    cells, events = Cells({}, {"b": lie}), []
    results = screen_with_rechecks(
        [job("a"), job("b")], sandbox=cells, share=1.0, observe=lambda *event: events.append(event)
    )
    assert next(results).id == "a"
    with pytest.raises(SandboxError, match=r"program b.*taken the cell over"):
        next(results)
    assert cells.calls[2:] == [["b"]] * SETTLING_CELLS
    assert events[0][1]["disagreed"][0]["blamed"] == "cell"


def test_a_program_on_which_fresh_cells_disagree_is_to_blame_itself() -> None:
    cells = Cells({}, {"b": "e" * 64}, {"b": "d" * 64})
    results, events = take(cells)
    assert results[1].fault is not None
    assert results[1].fault.reason is Reason.NONDETERMINISTIC
    assert events[0][1]["disagreed"] == [
        {"program": "b", "said": "fingerprint eeeeeeeeeeee", "fresh": "fingerprint ffffffffffff", "blamed": "program"}
    ]


@pytest.mark.parametrize("tables", [({"b": "timeout"}, {}), ({}, {"b": "timeout"})])
def test_running_out_of_time_once_is_no_disagreement(tables: tuple[Mapping[str, str], ...]) -> None:
    results, events = take(Cells(*tables))
    assert len(results) == 2
    assert events[0][1]["disagreed"] == []


def test_the_share_has_its_size_and_hangs_on_the_key() -> None:
    jobs = [job(f"p{number}") for number in range(4000)]
    one, other = ([is_drawn(each, 0.03, key) for each in jobs] for key in (b"one", b"other"))
    assert 80 < sum(one) < 160
    assert one != other
    assert all(is_drawn(each, 1.0, b"one") for each in jobs)


@pytest.mark.docker
def test_real_cells_agree_with_each_other(docker_sandbox: DockerSandbox, tiny_config: RunConfig) -> None:
    bodies = ("return sum(model_dict.values())", "return model_dict['add'] * 2", "return None", "return 1 / 0")
    jobs = [
        ScreenJob(
            id=f"p{number}",
            source=f"def merge_models(model_dict, device):\n    {body}\n",
            program_digest=f"p{number}",
            profile="strict",
            seed=tiny_config.seed,
            candidate_names=("add", "sub"),
            timeout_seconds=4.0,
        )
        for number, body in enumerate(bodies)
    ]
    events: list[Any] = []
    observe = lambda kind, data: events.append(data) if kind == "screen.rechecked" else None  # noqa: E731
    results = list(screen_with_rechecks(jobs, sandbox=docker_sandbox, share=1.0, observe=observe))
    assert [bool(result.fault) for result in results] == [False, False, True, True]
    assert events == [{"programs": ["p0", "p1", "p2", "p3"], "disagreed": []}]
