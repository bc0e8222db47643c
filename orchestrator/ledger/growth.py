"""A Merkle tree that keeps its inner nodes, so that a proof from any earlier size costs a few look-ups.

`tree.py` says what roots and proofs are; here they are only found faster, at 64 bytes for each leaf. What is read
from a ledger's file by a running writer (`follow`) was verified or written by that writer: only its root is checked.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.commit import PREFIX
from orchestrator.ledger.entry import MAX_LINE_BYTES
from orchestrator.ledger.note import SignedCheckpoint
from orchestrator.ledger.tree import HASH_BYTES, leaf_hash, node_hash


class Growth:
    """The full subtrees of a growing tree, level by level, as packed hashes."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self._offset = 0  # of the file that is followed: bytes whose leaves are here

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        for level in self._levels:
            level += leaf
            if len(level) // HASH_BYTES % 2:
                return
            leaf = node_hash(bytes(level[-2 * HASH_BYTES : -HASH_BYTES]), bytes(level[-HASH_BYTES:]))
        self._levels.append(bytearray(leaf))

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` leaves, from 1 to all."""
        self._require(size)
        return self._root(0, size)

    def consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Return the proof that the first `first` leaves begin the first `second` (RFC 6962 section 2.1.2; all).

        Raises:
            LedgerError: not 0 < first <= second <= size.
        """
        second = self.size if second is None else second
        self._require(first, second)
        proof: list[bytes] = []
        low, high, whole = 0, second, True
        while first != high:
            middle = low + _split(high - low)
            if first <= middle:
                proof.append(self._root(middle, high))
                high = middle
            else:
                proof.append(self._root(low, middle))
                low, whole = middle, False
        return ([] if whole else [self._root(low, high)]) + proof[::-1]

    def follow(self, path: Path, note: SignedCheckpoint) -> None:
        """Read on in a ledger's file up to the size of a checkpoint of it.

        Raises:
            LedgerError: the file cannot be read, is shorter, or has another root there: somebody else changed it.
        """
        size = note.checkpoint.size
        try:
            with path.open("rb") as file:
                file.seek(self._offset)
                while self.size < size and (line := file.readline(MAX_LINE_BYTES + 1)).endswith(b"\n"):
                    self._offset += len(line)
                    if not line.startswith(PREFIX):
                        self.append(leaf_hash(line[:-1]))
        except OSError as error:
            raise LedgerError(f"{path}: cannot be read: {error.strerror}") from error
        if self.size < size or self.root(size) != note.checkpoint.root:
            raise LedgerError(
                f"{path}: expected the {size} entries that were written, found others",
                remedy="another process changed the file: keep it, and verify it with `assay ledger verify`",
            )

    def _require(self, first: int, second: int | None = None) -> None:
        second = self.size if second is None else second
        if not 0 < first <= second <= self.size:
            raise LedgerError(f"expected a size from 1 to {min(second, self.size)}, found {first}")

    def _root(self, low: int, high: int) -> bytes:
        span = high - low
        if span & (span - 1) == 0:  # a full subtree: `low` is a multiple of its width
            at = low // span * HASH_BYTES
            return bytes(self._levels[span.bit_length() - 1][at : at + HASH_BYTES])
        middle = low + _split(span)
        return node_hash(self._root(low, middle), self._root(middle, high))


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
