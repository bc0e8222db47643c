"""Finds work in a run's record that was done again although an earlier process had recorded it as done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.ledger import Entry
from orchestrator.state import IterationState, ProgramState, RunState, fold

ANEW = frozenset({(0, "setup")})  # engines are opened, and containment is proved, by each process


def repeated(entries: Iterable[Entry]) -> list[str]:
    """Return what was done again, by entry; nothing is as it should be."""
    past: list[Entry] = []
    lines = []
    for entry in entries:
        if entry.type in {"stage.started", "sandbox.started"}:
            lines += [f"entry {entry.index}: {what}" for what in _again(entry, fold(past))]
        past.append(entry)
    return lines


def _again(entry: Entry, state: RunState) -> Iterator[str]:
    if entry.type == "sandbox.started":
        program = state.programs.get(entry.subject)
        if program is not None and (program.verified or program.rejected):
            yield f"{entry.subject} is run again, although its verdict is on record"
        return
    iteration, stage, total = entry.data["iteration"], entry.data["stage"], entry.data["total"]
    known = state.iterations.get(iteration, IterationState())
    if (iteration, stage) in state.done_stages - ANEW:
        yield f"{stage} of iteration {iteration} is begun again, although it was completed"
    if stage == "learn" and known.learnt is not None:
        yield f"iteration {iteration} is learnt from again, although entry {known.learnt.index} has what came of it"
    if stage == "generate" and known.started and len(known.programs) == known.started.data["programs"]:
        yield f"iteration {iteration} is sampled again, although all of its programs are on record"
    left = sum(_waits(stage, state.programs[name]) for name in known.programs.values())
    if stage in {"check", "screen", "run"} and total != left:
        yield f"{stage} of iteration {iteration} takes {total} programs, although {left} are left"


def _waits(stage: str, program: ProgramState) -> bool:
    """Say whether this stage is what a program has to go through next."""
    if program.rejected is not None:
        return False
    if stage == "check":
        return program.policy is None
    if stage == "screen":
        return program.screen is None
    return program.verified is None
