"""What a person sees while a run goes on: a live view on a terminal, plain lines elsewhere.

The pipeline tells a `Reporter` what it is doing. Nothing here decides, records or measures anything that
counts: figures that matter are in the ledger. All text passes `printable` before it reaches a terminal.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orchestrator.logs import logger
from orchestrator.text import printable

PROGRESS_SECONDS = 5.0  # plain lines: at most one about progress in this time
NOTES_SHOWN = 4
_REFRESHES_PER_SECOND = 4
_BAR_CELLS = 32

Seconds = Callable[[], float]


class Reporter(Protocol):
    """What the pipeline calls. Use as a context manager; all methods may be called from any thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run_started(self, name: str, iterations: int) -> None:
        """Say what runs; `iterations` is what the time left is estimated from."""
        ...

    def stage_started(self, stage: str, iteration: int, total: int) -> None:
        """A stage begins with `total` programs (or steps; 0 is unknown). Ends the stage before it.

        Iteration 0 is outside the iterations (setup, baselines, the final test).
        """
        ...

    def advanced(self, stage: str, outcome: str) -> None:
        """One program (or step) of a stage is done; `outcome` is `passed` or a reason."""
        ...

    def baseline(self, name: str, score: float) -> None:
        """The score of `seed` or `task_arithmetic` is known (0 to 1)."""
        ...

    def best(self, score: float) -> None:
        """The best score of a program so far (0 to 1)."""
        ...

    def note(self, text: str) -> None:
        """Say something that stays readable."""
        ...

    def finished(self, text: str = "") -> None:
        """The run is over; say one last sentence."""
        ...


@dataclass(slots=True)
class Tally:
    """What is being done and how far it is; a pure fold over the reporter's calls."""

    clock: Seconds = time.monotonic
    run: str = ""
    iterations: int = 0
    iteration: int = 0
    stage: str = ""
    total: int = 0
    done: int = 0
    stage_began: float = 0.0
    iteration_began: float = 0.0
    iteration_seconds: list[float] = field(default_factory=list)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # stage -> outcome -> count, of the iteration
    during: dict[str, Counter[str]] = field(default_factory=dict)  # the same, since the stage at work began
    baselines: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def start_stage(self, stage: str, iteration: int, total: int) -> None:
        now = self.clock()
        with self.lock:
            if iteration != self.iteration:
                if self.iteration > 0:
                    self.iteration_seconds.append(now - self.iteration_began)
                self.iteration, self.iteration_began, self.outcomes = iteration, now, {}
            self.stage, self.total, self.done, self.stage_began, self.during = stage, total, 0, now, {}

    def advance(self, stage: str, outcome: str) -> None:
        with self.lock:
            for counts in (self.outcomes, self.during):
                counts.setdefault(stage, Counter())[outcome] += 1
            if stage == self.stage:
                self.done += 1

    def add_baseline(self, name: str, score: float) -> None:
        with self.lock:
            self.baselines[name] = score

    def raise_best(self, score: float) -> bool:
        """Take a score; return whether it is the best so far."""
        with self.lock:
            if self.best is not None and score <= self.best:
                return False
            self.best = score
            return True

    def rate(self) -> float:
        """Items per second of the stage at work; 0 while unknown."""
        elapsed = self.clock() - self.stage_began
        return self.done / elapsed if self.done and elapsed > 0 else 0.0

    def stage_left(self) -> float | None:
        """Seconds until the stage at work is done, at its rate so far."""
        rate = self.rate()
        return max(0, self.total - self.done) / rate if rate and self.total else None

    def run_left(self) -> float | None:
        """Seconds until the last iteration is done, from the mean of the finished ones."""
        if not self.iteration_seconds or not self.iteration:
            return None
        mean = sum(self.iteration_seconds) / len(self.iteration_seconds)
        spent = self.clock() - self.iteration_began
        return max(0.0, mean - spent) + mean * max(0, self.iterations - self.iteration)


class PlainLog:
    """One line per meaningful step, for logs, pipes and CI."""

    def __init__(self, console: Console, *, clock: Seconds = time.monotonic) -> None:
        self._console = console
        self._tally = Tally(clock=clock)
        self._spoke = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage("done" if kind is None else "stopped")

    def run_started(self, name: str, iterations: int) -> None:
        self._tally.run, self._tally.iterations = name, iterations
        self._say(f"run {name}: {iterations} iterations")

    def stage_started(self, stage: str, iteration: int, total: int) -> None:
        self._end_stage()
        self._tally.start_stage(stage, iteration, total)
        self._say(f"{self._where()}: {f'{total} to do' if total else 'started'}")

    def advanced(self, stage: str, outcome: str) -> None:
        tally = self._tally
        tally.advance(stage, outcome)
        if stage == tally.stage and tally.done < tally.total and tally.clock() - self._spoke >= PROGRESS_SECONDS:
            self._say(f"{self._where()}: {tally.done}/{tally.total}, {tally.rate():.1f}/s, {_left(tally.stage_left())}")

    def baseline(self, name: str, score: float) -> None:
        self._tally.add_baseline(name, score)
        self._say(f"baseline {name}: {score:.2%}")

    def best(self, score: float) -> None:
        if self._tally.raise_best(score):
            self._say(f"best score so far: {score:.2%}")

    def note(self, text: str) -> None:
        self._say(text)

    def finished(self, text: str = "") -> None:
        self._end_stage()
        if text:
            self._say(text)

    def _end_stage(self, how: str = "done") -> None:
        """Sum up the stage at work, if there is one, and the stages that went on beside it."""
        tally = self._tally
        if not tally.stage:
            return
        own = tally.during.get(tally.stage, Counter())
        parts = [
            f"{self._where()}: {how} after {tally.clock() - tally.stage_began:.1f} s",
            *([_counts(own)] if own else []),
        ]
        beside = [f"{stage}: {_counts(counts)}" for stage, counts in tally.during.items() if stage != tally.stage]
        self._say("; ".join([": ".join(parts), *beside]))
        tally.stage = ""

    def _where(self) -> str:
        tally = self._tally
        place = f"iteration {tally.iteration}/{tally.iterations or '?'} " if tally.iteration else ""
        return f"{place}{tally.stage}"

    def _say(self, text: str) -> None:
        self._spoke = self._tally.clock()
        line = printable(text)
        logger().info(line)
        stamp = time.strftime("%H:%M:%S")
        self._console.print(f"{stamp}  {line}", markup=False, highlight=False, soft_wrap=True, emoji=False)


class LiveView:
    """A panel that is redrawn in place."""

    def __init__(self, console: Console, *, clock: Seconds = time.monotonic) -> None:
        self._tally = Tally(clock=clock)
        self._began = clock()
        self._notes: list[str] = []
        self._live = Live(
            console=console, refresh_per_second=_REFRESHES_PER_SECOND, get_renderable=self.render, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tally.stage = ""
        self._live.stop()

    def run_started(self, name: str, iterations: int) -> None:
        self._tally.run, self._tally.iterations = printable(name), iterations
        logger().info("run started", run=name, iterations=iterations)

    def stage_started(self, stage: str, iteration: int, total: int) -> None:
        self._tally.start_stage(printable(stage), iteration, total)
        logger().info("stage started", stage=stage, iteration=iteration, total=total)

    def advanced(self, stage: str, outcome: str) -> None:
        self._tally.advance(printable(stage), printable(outcome))

    def baseline(self, name: str, score: float) -> None:
        self._tally.add_baseline(printable(name), score)
        logger().info("baseline", name=name, score=score)

    def best(self, score: float) -> None:
        if self._tally.raise_best(score):
            logger().info("best score", score=score)

    def note(self, text: str) -> None:
        self._notes = [*self._notes, printable(text)][-NOTES_SHOWN:]
        logger().info(text)

    def finished(self, text: str = "") -> None:
        self._tally.stage = ""
        if text:
            self.note(text)

    def render(self) -> RenderableType:
        """Return the panel as it should look now."""
        with self._tally.lock:
            parts: list[RenderableType] = [self._title()]
            if self._tally.stage:
                parts.append(self._activity())
            if self._tally.outcomes:
                parts.append(_outcomes(self._tally))
            parts.append(_scores(self._tally))
        parts.extend(Text(note, style="dim", no_wrap=True, overflow="ellipsis") for note in self._notes)
        return Group(*parts)

    def _title(self) -> Text:
        tally = self._tally
        title = Text(tally.run or "assay", style="bold")
        if tally.iteration:
            title.append(f"  iteration {tally.iteration} of {tally.iterations or '?'}", style="not bold")
        title.append(f"  {_span(tally.clock() - self._began)} so far, {_left(tally.run_left())}", style="not bold dim")
        return title

    def _activity(self) -> RenderableType:
        tally = self._tally
        row = Table.grid(padding=(0, 1))
        counted = f"{tally.done}/{tally.total}" if tally.total else (str(tally.done) if tally.done else "")
        rate = f"{tally.rate():.1f}/s" if tally.rate() else ""
        left = _left(tally.stage_left()) if tally.total else _span(tally.clock() - tally.stage_began)
        row.add_row(
            Text(f"{tally.stage:<9}", style="cyan"),
            ProgressBar(
                total=tally.total or 1,
                completed=tally.done if tally.total else 0,
                width=_BAR_CELLS,
                pulse=not tally.total,
                animation_time=tally.clock(),
            ),
            Text(counted),
            Text(rate, style="dim"),
            Text(left, style="dim"),
        )
        return row


def choose(console: Console | None = None) -> Reporter:
    """Return the live view on a terminal that can redraw, plain lines anywhere else."""
    console = console or Console(stderr=True)
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainLog(console)


def _outcomes(tally: Tally) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=True, header_style="dim")
    for column, side in (("stage", "left"), ("passed", "right"), ("ended", "right"), ("why", "left")):
        table.add_column(column, justify="right" if side == "right" else "left", no_wrap=column != "why")
    for stage, counts in tally.outcomes.items():
        reasons = Counter({name: count for name, count in counts.items() if name != "passed"})
        table.add_row(Text(stage), str(counts["passed"]), str(reasons.total() or ""), Text(_counts(reasons)))
    return table


def _scores(tally: Tally) -> Text:
    line = Text()
    for name, score in tally.baselines.items():
        line.append(f"{name.replace('_', ' ')} {score:.2%}   ", style="dim")
    if tally.best is not None:
        reference = max(tally.baselines.values(), default=None)
        above = reference is not None and tally.best > reference
        line.append(f"best program {tally.best:.2%}", style="bold green" if above else "bold")
        if reference is not None:
            line.append(f" ({100 * (tally.best - reference):+.2f} points on the best baseline)")
    return line


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _left(seconds: float | None) -> str:
    return "time left unknown" if seconds is None else f"about {_span(seconds)} left"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
