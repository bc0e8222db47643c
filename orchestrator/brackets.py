"""Brackets each stage's work: an event before it and one after it, counts for people, seconds for the report.

The seconds of all stages of a run add up to its wall clock: where stages overlap, each gets what the
pipeline's own thread spent on it, and the first named gets the rest (for `run`: waiting for containers).
Of a resumed run, stages that are on record as completed are neither recorded nor shown again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from orchestrator.candidate import Rejection, Stage
from orchestrator.live import Reporter
from orchestrator.record import Recorder

PASSED = "passed"


class Stages:
    """The running stages of one session."""

    def __init__(
        self, recorder: Recorder, reporter: Reporter, *, done: Collection[tuple[int, str]] = frozenset()
    ) -> None:
        """`done` holds (iteration, stage) of what earlier processes completed."""
        self._done = done
        self._recorder = recorder
        self._reporter = reporter
        self._passed: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._spent: Counter[str] = Counter()  # nanoseconds
        self._total: Counter[str] = Counter()

    @contextmanager
    def one(self, stage: str, iteration: int, total: int = 0) -> Iterator[None]:
        """Bracket one stage; `total` is how many programs enter it."""
        with self.overlapping((stage,), iteration, total):
            yield

    @contextmanager
    def overlapping(self, stages: Sequence[str], iteration: int, total: int) -> Iterator[None]:
        """Bracket stages that work at the same time; of the later ones `total` is the most that can enter."""
        fresh = [stage for stage in stages if (iteration, stage) not in self._done]
        for stage in stages:
            self._passed[stage] = self._rejected[stage] = self._spent[stage] = 0
            self._total[stage] = total
        for stage in fresh:
            self._recorder.stage_started(stage, iteration, total)
        if fresh:
            self._reporter.stage_started(stages[0], iteration, total)
        started = time.monotonic_ns()
        yield
        others = sum(self._spent[stage] for stage in stages[1:])
        self._spent[stages[0]] = time.monotonic_ns() - started - others
        for stage in fresh:
            self._recorder.stage_completed(
                stage,
                iteration,
                passed=self._passed[stage],
                rejected=self._rejected[stage],
                seconds=self._spent[stage] / 1e9,
            )

    @contextmanager
    def spending(self, stage: Stage) -> Iterator[None]:
        """Count the time inside as this stage's."""
        started = time.monotonic_ns()
        try:
            yield
        finally:
            self._spent[stage.value] += time.monotonic_ns() - started

    def passed(self, stage: Stage, *, shown: bool = True) -> None:
        """One program passed a stage; `shown` is false where a `progress` already showed it."""
        self._passed[stage.value] += 1
        if shown:
            self._reporter.advanced(stage.value, PASSED)

    def ended(self, rejection: Rejection) -> None:
        """One program ended at a stage."""
        self._rejected[rejection.stage.value] += 1
        self._reporter.advanced(rejection.stage.value, rejection.reason.value)

    def progress(self, stage: str, iteration: int) -> Callable[[int, int], None]:
        """Return a (done, total) callback that shows the steps of a stage whose total only it knows."""
        shown = 0

        def show(done: int, total: int) -> None:
            nonlocal shown
            if shown == 0 and total != self._total[stage]:
                self._reporter.stage_started(stage, iteration, total)
            for _ in range(shown, done):
                self._reporter.advanced(stage, PASSED)
            shown = done

        return show
