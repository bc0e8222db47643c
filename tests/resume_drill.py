"""Kills a run of the lab with SIGKILL at many moments, resumes it each time, and compares with one never killed.

    python -m tests.resume_drill --kills 25 --seed 1 --table drill.md

Every stage is hit at least twice, the rest of the moments are drawn over the whole run's time. A moment is a stage,
how many entries have been recorded in it, and a wait after that, so that long waits (training, a container) are hit as
often as they are long. Where a kill came to something else than was meant, it counts for what it hit, and the stage is
tried again. A resumed run has to have what the other has, each once; nothing that was on record may be done again.
Prints a table, and exits with 1 if any resumed run differs or a stage was hit less often.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrator.ledger import Entry, read
from tests.commands import assay, environment
from tests.lab_runs import problems, results, smallest_config

HEAD = """# Killed and resumed

Made by `make resume-drill`: a small run of the lab is killed with SIGKILL, resumed, and compared with one never killed.
"""
PER_STAGE = 2  # kills of each stage, at least
TRIES = 4  # more, for each that is still to be hit
WATCH_SECONDS = 0.0005
PATIENCE_SECONDS = 300
BETWEEN = "between"  # no stage is at work
OVERLAPPING = {"sandbox.exited": "verify", "outputs.verified": "evaluate"}  # what follows an event while programs run


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When to kill: in a stage, once so many entries have led to it, and some seconds later."""

    stage: str
    entry: int
    wait: float


@dataclass(slots=True, kw_only=True)
class Course:
    """How far a record is, event by event."""

    events: int = 0
    last: str = ""
    open: dict[tuple[int, str], None] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)  # stage -> entries that led to it or left it at work

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        self.events, self.last = self.events + 1, kind
        if kind == "stage.started":
            self.open[data["iteration"], data["stage"]] = None
        elif kind == "stage.completed":
            self.open.pop((data["iteration"], data["stage"]), None)
        self.met[self.stage] += 1

    @property
    def stage(self) -> str:
        """What is at work; of the three that overlap, the one whose turn it is after the last event."""
        stages = [stage for _, stage in self.open]
        if "run" in stages:
            return OVERLAPPING.get(self.last, "run")
        return stages[0] if stages else BETWEEN


class Watched(Course):
    """The course of a record that another process writes."""

    def __init__(self, ledger: Path) -> None:
        super().__init__()
        self._ledger, self._offset = ledger, 0

    def look(self) -> Iterator[None]:
        """Take what was written since, one event at a time."""
        try:
            with self._ledger.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for event in map(json.loads, whole.splitlines()):
            if "type" in event:
                self.take(event["type"], event["data"])
                yield


def gaps(unkilled: Sequence[Entry]) -> list[tuple[Moment, float]]:
    """Return after each entry of a whole run the stage at work, and for how many seconds nothing was recorded."""
    course, found = Course(), []
    for entry, following in pairwise(unkilled):
        course.take(entry.type, entry.data)
        seconds = (datetime.fromisoformat(following.time) - datetime.fromisoformat(entry.time)).total_seconds()
        found.append((Moment(stage=course.stage, entry=course.met[course.stage], wait=0), max(0.0, seconds)))
    return found


def draw(rng: random.Random, places: Sequence[tuple[Moment, float]]) -> Moment:
    """Draw a moment out of these gaps, uniform in time."""
    place, seconds = rng.choices(places, [seconds + 1e-6 for _, seconds in places])[0]
    return Moment(stage=place.stage, entry=place.entry, wait=rng.random() * seconds)


def every_stage(places: Sequence[tuple[Moment, float]], rng: random.Random) -> list[str]:
    """Return each stage as often as it is to be hit, in an order that is drawn."""
    stages = sorted({place.stage for place, _ in places} - {BETWEEN})
    return [stage for _ in range(PER_STAGE) for stage in rng.sample(stages, len(stages))]


def within(places: Sequence[tuple[Moment, float]], stage: str) -> list[tuple[Moment, float]]:
    return [(place, seconds) for place, seconds in places if place.stage == stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """What one kill hit, and what became of the run."""

    meant: Moment
    stage: str
    entries: int
    last: str
    seconds: float  # until it was resumed and done
    found: tuple[str, ...]  # what is not as it should be

    def row(self, number: int) -> str:
        verdict = f"{len(self.found)} PROBLEMS" if self.found else "the same"
        return f"| {number} | {self.stage} | {self.entries} | `{self.last}` | {self.seconds:.0f} s | {verdict} |"


def killed(config: Path, run_dir: Path, moment: Moment) -> Watched:
    """Start a run and kill it at the moment, or when it has ended without it; return how far it came."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", str(config), "--run-dir", str(run_dir)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    course, deadline = Watched(run_dir / "ledger.jsonl"), time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and not has_come(course, moment):
        if time.monotonic() > deadline:
            process.kill()
            raise TimeoutError(f"{run_dir}: {moment} did not come")
        time.sleep(WATCH_SECONDS)
    time.sleep(moment.wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in course.look():
        pass
    return course


def has_come(course: Watched, moment: Moment) -> bool:
    return any(course.stage == moment.stage and course.met[moment.stage] >= moment.entry for _ in course.look())


def one(config: Path, run_dir: Path, unkilled: Path, moment: Moment) -> Kill:
    course = killed(config, run_dir, moment)
    began = time.monotonic()
    done = assay("run", "--resume", run_dir, cwd=run_dir.parent)
    found = problems(run_dir, unkilled) if done.code == 0 else [f"exit code {done.code}", done.err[-2000:]]
    if not found:
        shutil.rmtree(run_dir)
    return Kill(
        meant=moment,
        stage=course.stage,
        entries=course.events,
        last=course.last,
        seconds=time.monotonic() - began,
        found=tuple(found),
    )


class Drill:
    """The kills so far, printed as they come."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.kills: list[Kill] = []
        self.lines: list[str] = []
        self._folder = folder
        self._rng = random.Random(seed)
        self._config = smallest_config(folder)
        self._unkilled = folder / "unkilled"
        done = assay("run", self._config, "--run-dir", self._unkilled, cwd=folder)
        assert done.code == 0, done.err
        self._entries = tuple(read(self._unkilled / "ledger.jsonl"))
        self._places = gaps(self._entries)

    def run(self, kills: int, stages: Sequence[str]) -> int:
        """Kill as often, and more where a stage was missed; return how many runs differ or stages were missed."""
        self._say("| # | killed in | entries on record | the last | resumed and done in | compared with the other |")
        self._say("|---|---|---|---|---|---|")
        for moment in self._moments(kills, stages):
            self._kill(moment)
        missed = self._missed(kills, stages)
        for stage in [stage for stage in missed.elements() for _ in range(TRIES)]:
            if self._missed(kills, stages)[stage]:
                self._kill(draw(self._rng, within(self._places, stage)))
        missed = self._missed(kills, stages)
        bad = sum(bool(kill.found) for kill in self.kills)
        self._conclude(bad, missed)
        return bad + sum(missed.values())

    def _moments(self, kills: int, stages: Sequence[str]) -> Iterator[Moment]:
        """Draw the moments: some in each stage, the others over the whole time; or in the stages that were named."""
        first = (stages or every_stage(self._places, self._rng))[: len(stages) or kills]
        yield from (draw(self._rng, within(self._places, stage)) for stage in first)
        if not stages:
            yield from (draw(self._rng, self._places) for _ in range(kills - len(first)))

    def _missed(self, kills: int, stages: Sequence[str]) -> Counter[str]:
        """Return the stages that were to be hit, and how often each is still to be; few kills need not hit all."""
        wanted = Counter(stages or every_stage(self._places, self._rng))
        return wanted - self._hit if stages or kills >= wanted.total() else Counter()

    @property
    def _hit(self) -> Counter[str]:
        return Counter(kill.stage for kill in self.kills)

    def _kill(self, moment: Moment) -> None:
        number = len(self.kills) + 1
        kill = one(self._config, self._folder / f"killed-{number}", self._unkilled, moment)
        self.kills.append(kill)
        self._say(kill.row(number))
        for line in kill.found:
            print(f"      {line[:600]}", flush=True)

    def _conclude(self, bad: int, missed: Iterable[str]) -> None:
        self._say("")
        hit = ", ".join(f"{stage} {count}" for stage, count in sorted(self._hit.items()))
        self._say(f"{len(self.kills)} kills ({hit}): {bad} runs differ.")
        if stages := ", ".join(missed):
            self._say(f"Hit less often than was asked for: {stages}.")
        of = Counter(line.split()[0] for line in results(self._entries).elements())
        compared = ", ".join(f"{count} `{kind}`" for kind, count in sorted(of.items()))
        self._say(f"Compared in each: {compared}; the files of the trained factories, and all blobs.")
        self._say(f"Host: {platform.machine()}, Python {platform.python_version()}.")

    def _say(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", nargs="*", default=[], help="kill in these instead, once for each that is named")
    parser.add_argument("--folder", type=Path, help="keep the runs here; else they are removed")
    parser.add_argument("--table", type=Path, help="write what is printed here, too (Markdown)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resume-drill-") as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        drill = Drill(folder.resolve(), arguments.seed)
        bad = drill.run(arguments.kills, arguments.stages)
        if arguments.table:
            arguments.table.write_text("\n".join([HEAD, *drill.lines, ""]), encoding="utf-8")
        sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
