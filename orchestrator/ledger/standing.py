"""What a log is worth beyond itself: against checkpoints kept elsewhere, and by the word of witnesses.

`verify` says whether a log holds together. Here it is compared with what others know of it: a checkpoint that the
user kept, the newest one that was verified here before (`remembered.py`), and cosignatures, whether they stand in
the log, beside it, or in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.commit import Voucher, nobody
from orchestrator.ledger.cosignature import Cosigned, CosignerKey, cosigned_by, require_cosigned
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.note import Checkpoint, SignedCheckpoint, VerifierKey, decoded
from orchestrator.ledger.reading import HeldError, Verification, batches_of, verify
from orchestrator.ledger.remembered import namesakes, place_of, recall

WITNESSED = "checkpoint.witnessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """How far one witness vouches for a log: for its first `size` entries, since `time`; 0: not at all."""

    key: CosignerKey
    size: int = 0
    time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A verification, what was remembered of the log, and who vouches for it; `problem` names the first fault."""

    result: Verification
    problem: str
    remembered: SignedCheckpoint | None = None
    namesakes: tuple[Path, ...] = ()  # what is remembered of logs of this name that begin under another key
    vouched: tuple[Vouched, ...] = ()


def standing(
    path: Path,
    *,
    checkpoint: SignedCheckpoint | None = None,
    memory: bool = False,
    witnesses: Sequence[CosignerKey] = (),
    require: int = 0,
    beside: SignedCheckpoint | None = None,
    voucher: Voucher = nobody,
) -> Standing:
    """Verify a log: 1 itself, 2 against `checkpoint`, 3 against what is remembered, 4 by the word of witnesses.

    `beside` is a note whose cosignatures count if it is of this log; `require` is how many of `witnesses` have to
    vouch for all of it; `voucher` may check ahead (`ahead.py`).

    Raises:
        LedgerError: the log, or what is remembered of it, cannot be read at all.
    """
    opening = _opening(path) if memory else None
    known = recall(opening) if opening else None
    result = verify(path, checkpoint or known, voucher)
    if checkpoint is not None and known is not None and result.intact:
        result = verify(path, known, voucher)
    found = Standing(
        result=result, problem=result.problem, remembered=known, namesakes=namesakes(opening) if opening else ()
    )
    if opening and known is not None and result.problem.startswith(("LOG_TRUNCATED", "LOG_REWRITTEN")):
        return replace(found, problem=f"{result.problem} ({_forgetting(opening, known.checkpoint)})")
    if not result.intact or not witnesses:
        return found
    notes = [note for note in (checkpoint, beside) if note is not None and note.checkpoint.origin == result.origin]
    try:
        found = replace(found, vouched=vouched(path, witnesses, notes))
    except LedgerError as error:
        return replace(found, problem=error.what)
    whole = sum(each.size == result.size for each in found.vouched)
    if whole < require:
        why = f"expected {require} witnesses to vouch for all {result.size} entries, found {whole}"
        return replace(found, problem=why)
    return found


def vouched(path: Path, keys: Sequence[CosignerKey], notes: Sequence[SignedCheckpoint]) -> tuple[Vouched, ...]:
    """Return how far each witness vouches for an intact log, by the log's own events and by notes.

    Raises:
        HeldError: a witness vouches for another history than the log's, or for more than it has.
        LedgerError: a cosignature that is said to be of one of these witnesses does not hold.
    """
    growth, by_key = Growth(), {key: Vouched(key=key) for key in keys}
    cosigned = [each for note in notes for key in by_key if (each := cosigned_by(note, key)) is not None]
    origin = ""
    for batch in batches_of(path):
        origin = batch.place.source
        for leaf in batch.leaves:
            growth.append(leaf.hash)
            if leaf.type == WITNESSED:
                cosigned += _on_record(leaf.event["data"], origin, by_key)
    for each in cosigned:
        _require_of(each, growth, origin)
        if (each.checkpoint.size, each.time) > (by_key[each.key].size, by_key[each.key].time):
            by_key[each.key] = Vouched(key=each.key, size=each.checkpoint.size, time=each.time)
    return tuple(by_key.values())


def _on_record(data: dict[str, Any], origin: str, keys: dict[CosignerKey, Vouched]) -> Iterator[Cosigned]:
    """Yield the cosignature that an event holds, if it is of one of these witnesses."""
    key = next((key for key in keys if str(key) == data["witness"]), None)
    if key is not None:
        checkpoint = Checkpoint(origin=origin, size=data["size"], root=bytes.fromhex(data["root"]))
        yield require_cosigned(checkpoint, (key.name, decoded(data["cosignature"], what="a cosignature")), key)


def _require_of(cosigned: Cosigned, growth: Growth, origin: str) -> None:
    """Refuse a cosignature for another history than the log's."""
    checkpoint, name = cosigned.checkpoint, cosigned.key.name
    if checkpoint.origin != origin:
        raise HeldError(f"the witness {name} vouches for {checkpoint.origin}, the log is {origin}")
    if checkpoint.size > growth.size:
        raise HeldError(
            f"LOG_TRUNCATED: the witness {name} vouches for {checkpoint.size} entries, the log has {growth.size}"
        )
    if not checkpoint.size or growth.root(checkpoint.size) != checkpoint.root:
        raise HeldError(
            f"LOG_REWRITTEN: at size {checkpoint.size} the witness {name} vouches for the root "
            f"{checkpoint.root.hex()}, which is not the log's"
        )


def _opening(path: Path) -> VerifierKey | None:
    """Return the key that the log in a file begins under, by which it is remembered."""
    try:
        return next(batches_of(path)).key
    except LedgerError:
        return None  # the verification says why


def _forgetting(opening: VerifierKey, known: Checkpoint) -> str:
    return (
        f"verified here before with {known.size} entries; if you put an older copy back yourself, forget that: "
        f"remove {place_of(opening)}"
    )
