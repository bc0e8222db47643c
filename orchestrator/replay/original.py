"""What a run's record says of its programs, for running them again: verified first, then folded. Runs nothing.

    read_original(run_dir) -> Original | ReplayError(LOG_INVALID)
    select(original, ["best:5"]) -> the programs

A record that does not hold is not read further: of what follows the damage nothing is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.blobs import BlobError, BlobStore, MissingBlobError
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import FILE_NAME, TERMINAL_TYPES, Entry, read, verify
from orchestrator.ledger.canonical import decode
from orchestrator.ledger.note import SignedCheckpoint, parse
from orchestrator.replay.classes import ReplayClass

ADMITTED, REFUSED, SKIPPED = "admitted", "refused", "skipped"
_BEST = re.compile(r"best:([1-9][0-9]{0,5})")


class ReplayError(Exception):
    """Ends the replay of a program, or of all, with a class. Becomes a result; never leaves this package."""

    def __init__(self, result: ReplayClass, why: str, *, remedy: str = "") -> None:
        super().__init__(f"{why}; {remedy}" if remedy else why)
        self.result = result
        self.why = str(self)


@dataclass(slots=True, kw_only=True)
class Recorded:
    """One program as the record has it; filled as the entries come."""

    id: str
    index: int
    iteration: int
    digest: str
    entries: list[int]
    policy: str = ""  # verdict of the policy; empty where it never came to that
    policy_sha256: str = ""
    fingerprint: str = ""
    duplicate_of: str = ""
    verified: Entry | None = None
    rejected: Entry | None = None
    dev: str = ""  # one character per item
    accuracy: float = -1.0

    @property
    def outcome(self) -> str:
        """What became of it, in words that results show."""
        if self.verified is not None:
            return "verified"
        if self.rejected is not None:
            return f"rejected at {self.rejected.data['stage']}: {self.rejected.data['reason']}"
        return "no outcome"


@dataclass(slots=True, kw_only=True)
class Original:
    """A whole record, verified."""

    run_dir: Path
    entries: int = 0
    root: str = ""  # of the tree over them
    keys: tuple[str, ...] = ()  # that signed, in order
    missing: tuple[str, ...] = ()  # what began and has no end on record
    started: Mapping[str, Any] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None
    ended: str = ""
    programs: dict[str, Recorded] = field(default_factory=dict)

    @property
    def run(self) -> str:
        return str(self.started.get("run", self.run_dir.name))

    @property
    def sandbox(self) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.started.get("sandbox", {})
        return described

    @property
    def blobs(self) -> BlobStore:
        return BlobStore(self.run_dir / "blobs", create=False)


def read_original(run_dir: Path, held: SignedCheckpoint | None = None) -> Original:
    """Verify a run's ledger and fold it. `held` is a checkpoint that was kept elsewhere, which it must go on from.

    Raises:
        UsageError: there is no ledger, or no run begins in it.
        ReplayError: LOG_INVALID.
    """
    ledger = run_dir / FILE_NAME
    if not ledger.is_file():
        raise UsageError(
            f"{run_dir}: expected a run directory with a {FILE_NAME}, or a bundle, found none",
            remedy="pass runs/<name>",
        )
    try:
        verified = verify(ledger, held)
        if verified.problem:
            mend = "`assay run --resume` cuts off what a killed run left half written" if verified.torn_bytes else ""
            raise LedgerError(verified.problem, remedy=mend)
        original = fold(run_dir, read(ledger))
    except LedgerError as error:
        raise ReplayError(ReplayClass.LOG_INVALID, f"{ledger}: {error.what}", remedy=error.remedy) from error
    original.entries, original.root, original.missing = verified.size, verified.root, verified.missing
    original.keys = tuple(str(key) for key in verified.keys)
    if not original.started:
        raise UsageError(f"{run_dir}: the record holds no run.started", remedy="nothing was run; pass another run")
    return original


def held_checkpoint(path: Path) -> SignedCheckpoint:
    """Return a checkpoint that was kept elsewhere.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", remedy="pass a checkpoint's file") from error
    except LedgerError as error:
        raise UsageError(
            f"{path}: {error.what}", remedy="pass a checkpoint that was exported from this ledger"
        ) from error


def fold(run_dir: Path, entries: Iterable[Entry]) -> Original:
    """Fold verified entries."""
    original = Original(run_dir=run_dir)
    for entry in entries:
        match entry.type:
            case "run.started":
                original.started = entry.data
            case "determinism.profile":
                original.profile = entry.data
            case "inputs.resolved":
                original.inputs = entry.data
            case "candidate.generated":
                original.programs[entry.subject] = Recorded(
                    id=entry.subject,
                    index=entry.data["index"],
                    iteration=entry.data["iteration"],
                    digest=entry.data["program_sha256"],
                    entries=[entry.index],
                )
            case ended if ended in TERMINAL_TYPES:
                original.ended = ended
            case _ if entry.subject in original.programs:
                _take(original.programs[entry.subject], entry)
    return original


def _take(program: Recorded, entry: Entry) -> None:
    program.entries.append(entry.index)
    data = entry.data
    match entry.type:
        case "policy.evaluated":
            program.policy, program.policy_sha256 = data["verdict"], data["policy_sha256"]
        case "screen.completed":
            program.fingerprint, program.duplicate_of = data["fingerprint"], data["duplicate_of"]
        case "outputs.verified":
            program.verified = entry
        case "candidate.rejected":
            program.rejected = entry
        case "eval.completed" if data["split"] == "dev":
            program.dev = data["correct"]
            program.accuracy = program.dev.count("1") / len(program.dev) if program.dev else 0.0


def select(original: Original, wanted: Sequence[str]) -> tuple[Recorded, ...]:
    """Return the programs that were asked for: `best:N`, `verified`, `rejected`, `all`, or ids. In the record's order.

    `best:N` is by dev score; where nothing was scored, the first N that were verified.

    Raises:
        UsageError: an id that is not on record, a word that means nothing, or nothing to replay.
    """
    words = [part for one in wanted for part in one.split(",") if part]
    chosen = {program.id for word in words for program in _meant(original, word)}
    found = tuple(program for program in original.programs.values() if program.id in chosen)
    if not found:
        raise UsageError(
            f"--programs {','.join(words)}: expected programs with an outcome, found none on record",
            remedy=f"`assay show {original.run_dir}` lists the programs",
        )
    return found


def _meant(original: Original, word: str) -> Sequence[Recorded]:
    programs = list(original.programs.values())
    if match := _BEST.fullmatch(word):
        ranked = sorted((one for one in programs if one.verified), key=lambda one: -one.accuracy)
        return ranked[: int(match.group(1))]
    match word:
        case "all":
            return [one for one in programs if one.verified or one.rejected]
        case "verified":
            return [one for one in programs if one.verified]
        case "rejected":
            return [one for one in programs if one.rejected]
    if word not in original.programs:
        raise UsageError(
            f"--programs: no program {word!r:.80} is on record",
            remedy=f"pass best:N, verified, rejected, all, or ids that `assay show {original.run_dir}` lists",
        )
    return [original.programs[word]]


def source_of(original: Original, program: Recorded) -> str:
    """Return a program's text, checked against its digest.

    Raises:
        ReplayError: the blob is gone, or altered.
    """
    return _blob(original, program.digest, "its source").decode("utf-8", "surrogatepass")


def tensors_of(original: Original, program: Recorded) -> tuple[tuple[str, str], ...]:
    """Return (name, sha256) of every tensor that a verified program wrote, in the order of its output.

    Raises:
        ReplayError: the blob is gone, altered, or no such list.
    """
    if program.verified is None:
        return ()
    data = _blob(original, program.verified.data["tensors_sha256"], "the list of its tensors' digests")
    try:
        return tuple((str(name), str(digest)) for name, digest in decode(data))
    except (LedgerError, TypeError, ValueError) as error:
        raise ReplayError(
            ReplayClass.LOG_INVALID, f"the list of its tensors' digests is no list of pairs: {error}"
        ) from error


def weights_of(original: Original, program: Recorded) -> Path | None:
    """Return where a verified program's output lies, checked against its digest; None where it was not kept.

    Raises:
        ReplayError: it was altered.
    """
    if program.verified is None:
        return None
    digest = program.verified.data["output_sha256"]
    try:
        original.blobs.check(digest)
        return original.blobs.path(digest)
    except MissingBlobError:
        return None
    except BlobError as error:
        raise ReplayError(ReplayClass.LOG_INVALID, f"its merged weights: {error.what}") from error


def _blob(original: Original, digest: str, what: str) -> bytes:
    try:
        return original.blobs.read(digest)
    except MissingBlobError as error:
        raise ReplayError(ReplayClass.INPUT_UNAVAILABLE, f"{what}: {error.what}") from error
    except BlobError as error:
        raise ReplayError(ReplayClass.LOG_INVALID, f"{what}: {error.what}") from error
