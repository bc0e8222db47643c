"""Assay's own sandbox at work: screening in cells, full runs through the pool."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.plain import Rate
from benchmarks.work import PARALLEL, PROFILE, Bench, screen_job, screened
from orchestrator.candidate import Ran, Screened, Unchecked
from orchestrator.sandbox.base import Sandbox
from orchestrator.stages.run import discard, run_program

_REPLACED = 16  # programs before the first cell's last: none of those measured as warm waited for a new cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The whole, from the call to the last cell's removal; and the stretch in which cells stood."""

    whole: Rate
    warm_per_second: float
    fingerprints: int


def screen(bench: Bench, opened: Sandbox, programs: Sequence[str]) -> Screening:
    """Screen them all in one call."""
    jobs = [screen_job(number, source, 5.0) for number, source in enumerate(programs)]
    start = time.monotonic()
    results, came = [], []
    for result in opened.screen(jobs, ignore):
        results.append(result)
        came.append(time.monotonic())
    seconds = time.monotonic() - start
    last = min(len(came), max(2, PARALLEL * bench.config.screen.programs_per_cell - _REPLACED)) - 1
    faults = [result.fault for result in results if result.fault]
    return Screening(
        whole=Rate(
            count=len(results),
            ok=len(results) - len(faults),
            seconds=seconds,
            error=f"{faults[0].reason}: {faults[0].detail}" if faults else "",
        ),
        warm_per_second=last / (came[last] - came[0]) if last else 0.0,
        fingerprints=len({result.fingerprint for result in results if result.fingerprint}),
    )


def run(bench: Bench, opened: Sandbox, programs: Sequence[str]) -> Rate:
    """Run them all through the pool; the clock starts before the first container is made."""
    start = time.monotonic()
    opened.expect(len(programs))
    with ThreadPoolExecutor(PARALLEL) as threads:
        done = list(threads.map(lambda pair: one(bench, opened, screened(*pair)), enumerate(programs)))
    seconds = time.monotonic() - start
    errors = [error for error in done if error]
    return Rate(count=len(done), ok=len(done) - len(errors), seconds=seconds, error=errors[0] if errors else "")


def one(bench: Bench, opened: Sandbox, program: Screened | Unchecked, seconds: float | None = None) -> str:
    """Run one program and drop its output; return its fault, or nothing."""
    outcome = run_program(
        program,
        sandbox=opened,
        inputs=bench.inputs,
        seed=0,
        device="cpu",
        profile=PROFILE,
        observe=ignore,
        timeout_seconds=seconds,
    )
    if isinstance(outcome, Ran):
        discard(outcome)
        return ""
    return f"{outcome.reason}: {outcome.detail}"


def ignore(kind: str, data: Mapping[str, Any]) -> None:
    """Observe nothing: what recording costs is the ledger's."""
