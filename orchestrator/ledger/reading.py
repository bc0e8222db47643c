"""Reads ledgers: entry by entry for those who fold them, or to the end to say what holds.

Everything is verified as it is read: form, order, roots, signatures. That says: nobody without the key has
changed it since. Whether anything is missing is another question (`completeness.py`), answered beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.commit import Batch, TornTailError, Voucher, batches, nobody
from orchestrator.ledger.completeness import Completeness
from orchestrator.ledger.entry import MAX_LINE_BYTES, BadEntryError, Entry, at
from orchestrator.ledger.form import require_form
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey
from orchestrator.ledger.payload import FOLDER, MOVED, put_back
from orchestrator.ledger.tree import EMPTY_ROOT, Frontier

_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a ledger file holds: what is intact from its beginning, what is wrong after that, and what is missing."""

    origin: str
    size: int  # intact entries
    root: str  # over them, hex
    keys: tuple[VerifierKey, ...]  # that signed, in order
    note: SignedCheckpoint | None  # of the last good commit
    closed: bool
    torn_bytes: int  # after the last commit line: a crash, or a cut
    bad_index: int | None  # the first entry that does not hold, or the first of those that one bad root covers
    bad_last: int | None  # the last of those; the same index where the entry itself shows it
    problem: str  # names it; empty when all is well
    missing: tuple[str, ...]  # of an intact log: what began and has no end

    @property
    def intact(self) -> bool:
        """Nothing was changed, and nothing but whole batches is there."""
        return not self.problem

    @property
    def complete(self) -> bool:
        """Everything that began has an end on record."""
        return self.intact and not self.missing


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a ledger file, each from a batch whose signature and root hold.

    Raises:
        LedgerError: unreadable, empty, torn or damaged; names the first bad index. Entries that were
            yielded before it are intact.
    """
    for batch in batches_of(path):
        for leaf in batch.leaves:
            yield entry_of(leaf.event, leaf.hash, path)


def entry_of(event: dict[str, Any], leaf: bytes, path: Path) -> Entry:
    """Return a verified event as readers see it: with its large values in their places.

    Raises:
        LedgerError: a large value is gone, or is not of the kind that its key has.
    """
    data = event["data"]
    if MOVED in data:
        try:
            data = put_back(data, path.parent / FOLDER)
            require_form(event["type"], data)
        except LedgerError as error:
            raise at(event["seq"], error) from error
    return Entry(
        index=event["seq"],
        hash=leaf.hex(),
        type=event["type"],
        subject=event["subject"],
        time=event["time"],
        data=data,
    )


def verify(path: Path, held: SignedCheckpoint | None = None, voucher: Voucher = nobody) -> Verification:
    """Read a ledger to its end or to its first damage; raises `LedgerError` only if it cannot be read at all.

    `held` is a checkpoint that was kept elsewhere: a log that does not go on from it has a problem. `voucher` may
    check ahead (`ahead.py`).
    """
    seen, guard, fold = _Seen(), Held(held), Completeness()
    try:
        for batch in batches_of(path, voucher):
            seen.take(batch)
            guard.take(batch)
            for leaf in batch.leaves:
                event = leaf.event
                fold.take(leaf.type, event["subject"], event["data"])
        guard.require()
    except LedgerError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return seen.result(error, ())
    return seen.result(None, fold.missing())


class _Seen:
    """What is known of a log so far."""

    def __init__(self) -> None:
        self._size, self._root, self._closed, self._origin = 0, EMPTY_ROOT, False, ""
        self._note: SignedCheckpoint | None = None
        self._keys: list[VerifierKey] = []

    def take(self, batch: Batch) -> None:
        self._note, self._closed, self._origin = batch.note, batch.place.closed, batch.place.source
        self._size, self._root = batch.note.checkpoint.size, batch.note.checkpoint.root
        if not self._keys or self._keys[-1] != batch.key:
            self._keys.append(batch.key)

    def result(self, error: LedgerError | None, missing: tuple[str, ...]) -> Verification:
        return Verification(
            origin=self._origin,
            size=self._size,
            root=self._root.hex(),
            keys=tuple(self._keys),
            note=self._note,
            closed=self._closed,
            torn_bytes=error.torn_bytes if isinstance(error, TornTailError) else 0,
            bad_index=error.index if isinstance(error, BadEntryError) else None,
            bad_last=error.last if isinstance(error, BadEntryError) else None,
            problem=error.what if error else "",
            missing=missing,
        )


class HeldError(LedgerError):
    """The log is not the continuation of a checkpoint that was kept elsewhere: cut, rolled back or rewritten."""


class Held:
    """Watches a log pass, and says whether a checkpoint that was kept elsewhere is of it."""

    def __init__(self, held: SignedCheckpoint | None) -> None:
        self._held = held
        self._before = Frontier()
        self._size, self._origin = 0, ""
        self._met = held is None

    def take(self, batch: Batch) -> None:
        """Look at the next batch.

        Raises:
            HeldError: at the checkpoint's size, root or key are others.
        """
        self._size, self._origin = batch.place.size, batch.place.source
        if self._held is None or self._met:
            return
        if self._held.checkpoint.size <= self._size:
            self._compare(self._held, batch)
            self._met = True
        self._before = batch.place.tree.copy()  # it is appended to below

    def require(self) -> None:
        """Say that the log has passed.

        Raises:
            HeldError: it ended before the checkpoint's size.
        """
        if self._held is not None and not self._met:
            raise HeldError(
                f"LOG_TRUNCATED: the checkpoint vouches for {self._held.checkpoint.size} entries, "
                f"the log has {self._size}",
                remedy="entries were cut off, or an older copy of the run directory was put back",
            )

    def _compare(self, held: SignedCheckpoint, batch: Batch) -> None:
        checkpoint = held.checkpoint
        if checkpoint.origin != self._origin:
            raise HeldError(f"the checkpoint is of {checkpoint.origin}, the log is {self._origin}")
        for leaf in batch.leaves[: checkpoint.size - self._before.size]:
            self._before.append(leaf.hash)
        if self._before.root() != checkpoint.root:
            raise HeldError(
                f"LOG_REWRITTEN: at size {checkpoint.size} the checkpoint has the root {checkpoint.root.hex()}, "
                f"the log {self._before.root().hex()}",
                remedy="keep both: together they show that the log was changed",
            )
        try:
            held.require_signed(batch.key)
        except LedgerError as error:
            raise HeldError(error.what, remedy=error.remedy) from error


def batches_of(path: Path, voucher: Voucher = nobody) -> Iterator[Batch]:
    """Yield the verified batches of a ledger file; raises as `read`."""
    return batches(_lines(path), voucher)


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines with their newlines; a line is never read beyond what an entry may hold."""
    try:
        with path.open("rb", buffering=_READ_BYTES) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                yield line
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}", remedy="check the run directory") from error
