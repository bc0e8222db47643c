"""What a run's ledger says, folded into facts that a report shows. Pure: entries in, facts out.

Every fact keeps the indices of the entries behind it. Nothing is estimated here and nothing is decided:
an event that is missing leaves its fact empty.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.ledger import REOPENING_TYPES, TERMINAL_TYPES, Entry, Frontier

RESUMED = "run.resumed"
SCORED = "scored"
UNFINISHED = "no outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitScore:
    """Per-item results of one model on one split."""

    correct: tuple[bool, ...]
    entry: int

    @property
    def right(self) -> int:
        return sum(self.correct)

    @property
    def accuracy(self) -> float:
        return self.right / len(self.correct) if self.correct else 0.0


@dataclass(slots=True, kw_only=True)
class Program:
    """One program's life; filled as the entries come."""

    id: str
    iteration: int
    digest: str
    entries: list[int]
    admitted: bool = False  # by the policy
    capabilities: Mapping[str, Any] = field(default_factory=dict)  # what the policy saw in an admitted program
    capabilities_entry: int = 0
    new: bool = False  # passed the screen: it works on probes, and computes what no earlier program does
    stage: str = ""
    outcome: str = UNFINISHED
    detail: str = ""
    duplicate_of: str = ""
    scores: dict[str, SplitScore] = field(default_factory=dict)

    @property
    def dev(self) -> SplitScore | None:
        return self.scores.get("dev")


@dataclass(slots=True, kw_only=True)
class Baseline:
    """A model that no program made."""

    name: str
    scores: dict[str, SplitScore] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    points: int = 0


@dataclass(slots=True, kw_only=True)
class Iteration:
    """One turn of the loop."""

    number: int
    temperature: str = ""
    adapter: str = ""
    programs: list[Program] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)  # entries of dpo.pair_created
    trained: Entry | None = None
    skipped: Entry | None = None

    @property
    def scored(self) -> list[Program]:
        return [program for program in self.programs if program.dev]

    @property
    def admitted(self) -> int:
        """How many the policy admitted."""
        return sum(program.admitted for program in self.programs)

    @property
    def new(self) -> int:
        """How many compute something that works and that no earlier program computes."""
        return sum(program.new for program in self.programs)

    @property
    def accuracies(self) -> list[float]:
        """Dev accuracy of each scored program."""
        return [program.dev.accuracy for program in self.programs if program.dev]

    @property
    def median(self) -> float | None:
        """Median dev accuracy of the scored."""
        return statistics.median(self.accuracies) if self.accuracies else None

    @property
    def best(self) -> Program | None:
        """The best by dev; of equals the earlier one."""
        return max(self.scored, key=lambda program: program.dev.accuracy if program.dev else 0.0, default=None)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(program.outcome for program in self.programs)

    @property
    def texts(self) -> int:
        """How many different texts were written."""
        return len({program.digest for program in self.programs})


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """Wall clock of one stage."""

    iteration: int
    stage: str
    seconds: float
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is said of an entry where it is listed."""

    index: int
    type: str
    subject: str
    time: str
    hash: str


@dataclass(slots=True, kw_only=True)
class Witness:
    """What one witness said of the record while it was written."""

    vouched: Entry | None = None  # the newest
    failures: list[Entry] = field(default_factory=list)
    failing: bool = False  # that is the last thing known of it

    @property
    def entries(self) -> list[int]:
        return [*[entry.index for entry in self.failures], *([self.vouched.index] if self.vouched else [])]


@dataclass(slots=True, kw_only=True)
class RunFacts:
    """Everything that the report shows of one run."""

    entries: int = 0
    rows: list[Row] = field(default_factory=list)  # one per entry
    head: str = ""  # root of the tree over them, hex
    source: str = ""
    began: str = ""
    last: str = ""
    away: float = 0.0  # seconds between the processes that worked on it
    resumptions: list[Entry] = field(default_factory=list)
    started: Entry | None = None
    profile: Entry | None = None
    inputs: Entry | None = None
    opened_splits: list[Entry] = field(default_factory=list)
    ended: Entry | None = None
    open_stages: dict[tuple[int, str], Entry] = field(default_factory=dict)
    times: list[StageTime] = field(default_factory=list)
    programs: dict[str, Program] = field(default_factory=dict)
    iterations: dict[int, Iteration] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    first_container: Entry | None = None
    protections: Entry | None = None
    canaries: Entry | None = None
    witnesses: dict[str, Witness] = field(default_factory=dict)  # by verifier key

    @property
    def name(self) -> str:
        if self.started:
            return str(self.started.data["run"])
        return self.source.removeprefix("assay/").partition("/")[0]

    @property
    def learn(self) -> str:
        return str(self.started.data["learn"]) if self.started else ""

    @property
    def config(self) -> Mapping[str, Any]:
        return self.started.data["config"] if self.started else {}

    @property
    def ranking(self) -> list[Program]:
        """Scored programs, best dev score first; of equals the earlier one."""
        scored = [program for program in self.programs.values() if program.dev]
        return sorted(scored, key=lambda program: (-program.dev.accuracy if program.dev else 0.0, program.entries[0]))

    @property
    def finalists(self) -> list[Program]:
        """The programs that saw the sealed split, in the order in which dev had put them."""
        return [program for program in self.ranking if "test" in program.scores]


def gather(entries: Iterable[Entry]) -> RunFacts:
    """Fold the entries up to the run's end; what is written later (the report's own entry) is not a fact of the run.

    An end that the run was resumed after is none.
    """
    facts, tree = RunFacts(), Frontier()
    later: list[Entry] = []  # than what is folded; of the record again once more of it is folded
    for entry in entries:
        later.append(entry)
        if entry.type == RESUMED:
            _resume(facts, entry)
        if facts.ended is not None or entry.type in REOPENING_TYPES:
            continue
        for leaf in later:
            tree.append(bytes.fromhex(leaf.hash))
            facts.rows.append(
                Row(index=leaf.index, type=leaf.type, subject=leaf.subject, time=leaf.time, hash=leaf.hash)
            )
        later.clear()
        if entry.index == 0:
            facts.began, facts.source = entry.time, str(entry.data.get("origin", ""))
        facts.entries, facts.last = entry.index + 1, entry.time
        _take(facts, entry)
    facts.head = tree.root().hex()
    return facts


def _resume(facts: RunFacts, entry: Entry) -> None:
    """Take up a run that was cut off: what was at work then has no end, and what lay between is nobody's time."""
    away = datetime.fromisoformat(entry.time) - datetime.fromisoformat(facts.last)
    facts.away += away.total_seconds()  # negative where the clock was set back between the two
    facts.resumptions.append(entry)
    facts.open_stages.clear()
    facts.ended = None


def _take(facts: RunFacts, entry: Entry) -> None:
    match entry.type:
        case "run.started":
            facts.started = entry
        case "determinism.profile":
            facts.profile = entry
        case "inputs.resolved":
            facts.inputs = entry
        case "split.opened":
            facts.opened_splits.append(entry)
        case "baseline.completed":
            _take_baseline(facts, entry)
        case "stage.started" | "stage.completed":
            _take_stage(facts, entry)
        case "iteration.started" | "dpo.pair_created" | "dpo.trained" | "dpo.skipped":
            _take_iteration(facts, entry)
        case "sandbox.protections":
            facts.protections = entry
        case "canaries.held":
            facts.canaries = entry
        case "checkpoint.witnessed" | "witness.failed":
            _take_witness(facts, entry)
        case "sandbox.created" if facts.first_container is None:
            facts.first_container = entry
        case ended if ended in TERMINAL_TYPES:
            facts.ended = entry
    if entry.subject:
        _take_program(facts, entry)


def _take_witness(facts: RunFacts, entry: Entry) -> None:
    witness = facts.witnesses.setdefault(entry.data["witness"], Witness())
    witness.failing = entry.type == "witness.failed"
    if witness.failing:
        witness.failures.append(entry)
    else:
        witness.vouched = entry


def _take_baseline(facts: RunFacts, entry: Entry) -> None:
    data = entry.data
    baseline = facts.baselines.setdefault(data["name"], Baseline(name=data["name"]))
    baseline.scores[data["split"]] = _score(entry)
    baseline.parameters = data["parameters"] or baseline.parameters
    baseline.points = max(baseline.points, data["points"])


def _take_stage(facts: RunFacts, entry: Entry) -> None:
    iteration, stage = entry.data["iteration"], entry.data["stage"]
    if entry.type == "stage.started":
        facts.open_stages[iteration, stage] = entry
        return
    facts.open_stages.pop((iteration, stage), None)
    seconds = float(entry.data["seconds"] or 0)
    facts.times.append(StageTime(iteration=iteration, stage=stage, seconds=seconds, entry=entry.index))


def _take_iteration(facts: RunFacts, entry: Entry) -> None:
    iteration = _iteration(facts, entry.data["iteration"])
    match entry.type:
        case "iteration.started":
            iteration.temperature = entry.data["temperature"]
            iteration.adapter = entry.data["adapter_sha256"]
        case "dpo.pair_created":
            iteration.pairs.append(entry.index)
        case "dpo.trained":
            iteration.trained = entry
        case "dpo.skipped":
            iteration.skipped = entry


def _take_program(facts: RunFacts, entry: Entry) -> None:
    data = entry.data
    if entry.type == "candidate.generated":
        program = Program(
            id=entry.subject, iteration=data["iteration"], digest=data["program_sha256"], entries=[entry.index]
        )
        facts.programs[entry.subject] = program
        _iteration(facts, program.iteration).programs.append(program)
        return
    known = facts.programs.get(entry.subject)
    if known is None:
        return
    known.entries.append(entry.index)
    if entry.type == "policy.evaluated":
        known.admitted = data["verdict"] == "admitted"
        known.capabilities, known.capabilities_entry = data.get("capabilities", {}), entry.index
    elif entry.type == "screen.completed":
        known.new, known.duplicate_of = data["verdict"] == "passed", data["duplicate_of"]
    elif entry.type == "candidate.rejected":
        known.stage, known.outcome, known.detail = data["stage"], data["reason"], data["detail"]
    elif entry.type == "eval.completed":
        known.scores[data["split"]] = _score(entry)
        known.outcome = SCORED


def _iteration(facts: RunFacts, number: int) -> Iteration:
    return facts.iterations.setdefault(number, Iteration(number=number))


def _score(entry: Entry) -> SplitScore:
    return SplitScore(correct=tuple(mark == "1" for mark in entry.data["correct"]), entry=entry.index)


def spans(indices: Sequence[int], *, most: int = 4) -> str:
    """Return indices as people write them: `3`, `3-9`, `3, 7-9, ... 120 (57 entries)`."""
    runs: list[tuple[int, int]] = []
    for index in sorted(set(indices)):
        if runs and index == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    texts = [str(low) if low == high else f"{low}\N{EN DASH}{high}" for low, high in runs]
    if len(texts) <= most:
        return ", ".join(texts) or "none"
    return f"{', '.join(texts[: most - 1])}, \N{HORIZONTAL ELLIPSIS} {runs[-1][1]} ({len(set(indices))} entries)"
