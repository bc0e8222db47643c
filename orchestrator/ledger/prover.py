"""Proves many events of one log. The tree's inner nodes are computed once, so that each proof costs its path alone.

`proof.prove` is for one event; here the caller has read the log, and verified it on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey
from orchestrator.ledger.proof import rendered
from orchestrator.ledger.tree import node_hash


class Prover:
    """A whole log's leaves under its last checkpoint."""

    def __init__(self, leaves: Sequence[bytes], note: SignedCheckpoint, key: VerifierKey) -> None:
        """`leaves` are all leaf hashes below `note`, which `key` signed."""
        self._leaves, self._note, self._key = leaves, note, key
        self._roots: dict[tuple[int, int], bytes] = {}

    def prove(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proof of a verified event of this log, in the form that `proof.check` takes.

        Raises:
            LedgerError: its index is not below the checkpoint.
        """
        return rendered(event, self._path(event["seq"]), self._note, self._key)

    def _path(self, index: int) -> list[bytes]:
        """Return the hashes from leaf to root, lowest first (RFC 6962 section 2.1.1)."""
        low, high = 0, len(self._leaves)
        if not low <= index < high:
            raise LedgerError(f"expected an index below {high}, found {index}")
        steps = []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                steps.append(self._root(middle, high))
                high = middle
            else:
                steps.append(self._root(low, middle))
                low = middle
        return steps[::-1]

    def _root(self, low: int, high: int) -> bytes:
        if high - low == 1:
            return self._leaves[low]
        known = self._roots.get((low, high))
        if known is None:
            middle = low + _split(high - low)
            known = self._roots[low, high] = node_hash(self._root(low, middle), self._root(middle, high))
        return known


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
