"""What a run's record says has been done: a fold over its ledger, entries in, state out. Pure.

What is recorded as done is not done again; what was begun and not ended is begun anew. Nothing here reads
a file or repairs anything: `restore.py` makes the stages' own types of it, and the pipeline goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.errors import LedgerError
from orchestrator.ledger import TERMINAL_TYPES, Entry

RESUMED = "run.resumed"
COMPLETED = "run.completed"
_CONTAINER_BEGINS = frozenset({"sandbox.created", "sandbox.started"})
_CONTAINER_ENDS = frozenset({"sandbox.exited", "sandbox.lost"})


@dataclass(slots=True, kw_only=True)
class ProgramState:
    """How far one program came; each step is recorded at most once."""

    generated: Entry
    policy: Entry | None = None
    screen: Entry | None = None
    verified: Entry | None = None
    rejected: Entry | None = None
    scores: dict[str, Entry] = field(default_factory=dict)  # split -> eval.completed
    ran: bool = False  # a container was given to it
    exits: dict[str, Entry] = field(default_factory=dict)  # container id -> sandbox.exited

    @property
    def in_flight(self) -> bool:
        """Whether it was handed to a container, and nothing came of it yet."""
        return self.ran and self.verified is None and self.rejected is None


@dataclass(slots=True, kw_only=True)
class IterationState:
    """How far one turn of the loop came."""

    started: Entry | None = None
    completed: Entry | None = None
    programs: dict[int, str] = field(default_factory=dict)  # index -> program id
    pairs: list[Entry] = field(default_factory=list)
    learnt: Entry | None = None  # dpo.trained or dpo.skipped


@dataclass(slots=True, kw_only=True)
class RunState:
    """How far a run came; empty for one that has not begun."""

    opened: Entry | None = None
    started: Entry | None = None
    profile: Entry | None = None  # what the last process computed with
    inputs: Entry | None = None
    baselines: dict[tuple[str, str], Entry] = field(default_factory=dict)  # (name, split)
    programs: dict[str, ProgramState] = field(default_factory=dict)
    iterations: dict[int, IterationState] = field(default_factory=dict)
    split: Entry | None = None  # the opening of the test split
    ended: Entry | None = None  # how it ended, unless it was resumed since
    reported: bool = False
    resumptions: int = 0
    open_stages: dict[tuple[int, str], Entry] = field(default_factory=dict)
    done_stages: set[tuple[int, str]] = field(default_factory=set)
    open_containers: dict[str, Entry] = field(default_factory=dict)  # container id -> the first entry about it
    seconds: float = 0.0  # that earlier processes worked on it; what lay between them is not counted
    began: str = ""  # the process at work
    last: str = ""

    @property
    def completed(self) -> bool:
        return self.ended is not None and self.ended.type == COMPLETED

    @property
    def in_flight(self) -> list[str]:
        """Ids of the programs whose containers nothing came of."""
        return [name for name, program in self.programs.items() if program.in_flight]

    @property
    def spent(self) -> float:
        """Seconds of all processes that worked on it, the last one included."""
        return self.seconds + _seconds(self.began, self.last)


def fold(entries: Iterable[Entry]) -> RunState:
    """Return what the entries of one ledger, in order, say has been done.

    Raises:
        LedgerError: a step that is done once was recorded twice; names the entries.
    """
    state = RunState()
    for entry in entries:
        _take(state, entry)
    return state


def _take(state: RunState, entry: Entry) -> None:
    if entry.type == RESUMED:
        _resume(state, entry)
    elif not entry.type.startswith("log."):  # opening and closing a log is no work
        state.began, state.last = state.began or entry.time, entry.time
    match entry.type:
        case "log.opened":
            state.opened = entry
        case "run.started":
            state.started = _once(state.started, entry)
        case "determinism.profile":
            state.profile = entry
        case "inputs.resolved":
            state.inputs = _once(state.inputs, entry)
        case "split.opened":
            state.split = _once(state.split, entry)
        case "report.written":
            state.reported = True
        case "baseline.completed":
            key = (entry.data["name"], entry.data["split"])
            state.baselines[key] = _once(state.baselines.get(key), entry)
        case "stage.started" | "stage.completed":
            _take_stage(state, entry)
        case "iteration.started" | "iteration.completed" | "dpo.pair_created" | "dpo.trained" | "dpo.skipped":
            _take_iteration(state, entry)
        case ended if ended in TERMINAL_TYPES:
            state.ended = entry
    if entry.type in _CONTAINER_BEGINS:
        state.open_containers.setdefault(entry.data["container_id"], entry)
    elif entry.type in _CONTAINER_ENDS:
        state.open_containers.pop(entry.data["container_id"], None)
    if entry.subject:
        _take_program(state, entry)


def _resume(state: RunState, entry: Entry) -> None:
    state.seconds = state.spent
    state.began = state.last = entry.time
    state.resumptions += 1
    state.ended = None
    state.open_stages.clear()


def _take_stage(state: RunState, entry: Entry) -> None:
    key = (entry.data["iteration"], entry.data["stage"])
    if entry.type == "stage.started":
        state.open_stages[key] = entry
    else:
        state.open_stages.pop(key, None)
        state.done_stages.add(key)


def _take_iteration(state: RunState, entry: Entry) -> None:
    iteration = state.iterations.setdefault(entry.data["iteration"], IterationState())
    match entry.type:
        case "iteration.started":
            iteration.started = _once(iteration.started, entry)
        case "iteration.completed":
            iteration.completed = _once(iteration.completed, entry)
        case "dpo.pair_created":
            iteration.pairs.append(entry)
        case _:
            iteration.learnt = _once(iteration.learnt, entry)


def _take_program(state: RunState, entry: Entry) -> None:
    if entry.type == "candidate.generated":
        known = state.programs.get(entry.subject)
        state.programs[entry.subject] = ProgramState(generated=_once(known.generated if known else None, entry))
        iteration = state.iterations.setdefault(entry.data["iteration"], IterationState())
        iteration.programs[entry.data["index"]] = entry.subject
        return
    program = state.programs.get(entry.subject)
    if program is None:
        return  # a canary: ours, and no result
    match entry.type:
        case "policy.evaluated":
            program.policy = _once(program.policy, entry)
        case "screen.completed":
            program.screen = _once(program.screen, entry)
        case "sandbox.created" | "sandbox.started":
            program.ran = True
        case "sandbox.exited":
            program.exits[entry.data["container_id"]] = entry
        case "outputs.verified":
            program.verified = _once(program.verified, entry)
        case "candidate.rejected":
            program.rejected = _once(program.rejected, entry)
        case "eval.completed":
            split = entry.data["split"]
            program.scores[split] = _once(program.scores.get(split), entry)


def _once(known: Entry | None, entry: Entry) -> Entry:
    if known is not None:
        about = f" of {entry.subject}" if entry.subject else ""
        raise LedgerError(
            f"entry {entry.index}: expected one {entry.type}{about}, found another in entry {known.index}",
            remedy="the record counts a result twice; this is a fault of the platform: report it",
        )
    return entry


def _seconds(began: str, last: str) -> float:
    """Return the seconds between two times of a record; a clock that was set back gives none."""
    if not began:
        return 0.0
    return max(0.0, (datetime.fromisoformat(last) - datetime.fromisoformat(began)).total_seconds())
