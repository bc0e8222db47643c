"""Kills a run of the lab with SIGKILL at many moments, resumes it each time, and compares with one never killed.

    python -m tests.resume_drill --kills 25 --seed 1

Every stage is hit at least twice, the rest of the moments are drawn over the whole run. A moment is a number
of entries on record and a wait after it, both drawn: the run is killed as soon as it has recorded as much.
Prints where each kill hit, and exits with 1 if any resumed run differs.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from orchestrator.ledger import Entry, TornTailError, read
from orchestrator.state import fold
from tests.commands import assay, environment
from tests.lab_runs import problems, smallest_config

PER_STAGE = 2  # kills of each stage, at least
WATCH_SECONDS = 0.0005
PATIENCE_SECONDS = 300
COMMIT = b'{"$commit"'  # begins a line that is no event
BETWEEN = "between"  # no stage is at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When to kill: once so many entries are on record, and some seconds later."""

    entries: int
    wait: float


def moments(unkilled: Sequence[Entry], rng: random.Random, kills: int) -> Iterator[Moment]:
    """Draw the moments: some in each stage, the others over the run's whole time."""
    times = [datetime.fromisoformat(entry.time).timestamp() for entry in unkilled]
    by_stage: dict[str, list[int]] = {}
    for index in range(1, len(unkilled)):
        by_stage.setdefault(at_work(unkilled[:index]), []).append(index)
    rounds = [rng.sample(sorted(by_stage), len(by_stage)) for _ in range(PER_STAGE)]
    drawn = [rng.choice(by_stage[stage]) for stages in rounds for stage in stages]
    for place in drawn[:kills]:
        yield Moment(entries=place, wait=rng.random() * (times[place] - times[place - 1]))
    for _ in range(kills - len(drawn)):
        at = rng.uniform(times[0], times[-1])
        place = next(index for index, (low, high) in enumerate(pairwise(times), start=1) if low <= at <= high)
        yield Moment(entries=place, wait=at - times[place - 1])


def at_work(entries: Sequence[Entry]) -> str:
    """Return the stages that were begun and not ended after these entries."""
    return "+".join(stage for _, stage in fold(entries).open_stages) or BETWEEN


def killed(config: Path, run_dir: Path, moment: Moment) -> str:
    """Start a run and kill it at the moment; return what it was doing."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", str(config), "--run-dir", str(run_dir)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ledger, deadline = run_dir / "ledger.jsonl", time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and on_record(ledger) < moment.entries:
        if time.monotonic() > deadline:
            process.kill()
            raise TimeoutError(f"{run_dir}: {moment.entries} entries expected")
        time.sleep(WATCH_SECONDS)
    time.sleep(moment.wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return at_work(tuple(until_torn(ledger)))


def until_torn(ledger: Path) -> Iterator[Entry]:
    try:
        yield from read(ledger)
    except TornTailError:
        return


def on_record(ledger: Path) -> int:
    """Return how many events the file holds, without verifying them: this is looked at very often."""
    data = ledger.read_bytes() if ledger.exists() else b""
    return data.count(b"\n") - data.count(COMMIT)


def drill(folder: Path, *, kills: int, seed: int) -> int:
    """Return how many resumed runs differ from the one that was never killed."""
    config = smallest_config(folder)
    unkilled = folder / "unkilled"
    done = assay("run", config, "--run-dir", unkilled, cwd=folder)
    assert done.code == 0, done.err
    entries = tuple(read(unkilled / "ledger.jsonl"))
    hit: Counter[str] = Counter()
    bad = 0
    for number, moment in enumerate(moments(entries, random.Random(seed), kills), start=1):
        run_dir = folder / f"killed-{number}"
        doing = killed(config, run_dir, moment)
        at = on_record(run_dir / "ledger.jsonl")
        hit[doing] += 1
        began = time.monotonic()
        done = assay("run", "--resume", run_dir, cwd=folder)
        found = problems(run_dir, unkilled) if done.code == 0 else [f"exit code {done.code}", done.err[-2000:]]
        verdict = f"resumed in {time.monotonic() - began:.0f} s: " + (f"{len(found)} PROBLEMS" if found else "same")
        print(f"{number:3} killed after entry {at - 1:3} ({doing}), {verdict}")
        print(*(f"      {line[:600]}" for line in found), sep="\n", end="\n" * bool(found), flush=True)
        bad += bool(found)
        if not found:
            shutil.rmtree(run_dir)
    print(f"{kills} kills ({', '.join(f'{count} {stage}' for stage, count in sorted(hit.items()))}): {bad} differ")
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the runs here; else they are removed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resume-drill-") as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        sys.exit(1 if drill(folder.resolve(), kills=arguments.kills, seed=arguments.seed) else 0)


if __name__ == "__main__":
    main()
