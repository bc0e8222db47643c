"""The Merkle tree of RFC 6962 (and RFC 9162 section 2.1): roots, proofs, and their checks. Pure.

Leaves and inner nodes are hashed with different prefixes, so that neither can pass for the other. An empty
tree has a root but vouches for nothing: a consistency proof from size 0 is refused, not accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from orchestrator.errors import LedgerError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_PROOF_HASHES = 64  # of a tree with 2^63 leaves

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry)."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: what appending and the root need, in O(log size) memory."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # roots of the full subtrees, largest first

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        size, peaks = self.size, self._peaks
        while size & 1:
            leaf = _sha256(b"\x01" + peaks.pop() + leaf).digest()
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def copy(self) -> Frontier:
        """Return one that grows on its own."""
        twin = Frontier()
        twin.size, twin._peaks = self.size, self._peaks.copy()
        return twin


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of a tree over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from leaf `index` to the root, lowest first (RFC 6962 section 2.1.1).

    Raises:
        LedgerError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise LedgerError(f"expected an index below {len(leaves)}, found {index}")
    return _path(leaves, index, 0, len(leaves))


def _path(leaves: Sequence[bytes], index: int, low: int, high: int) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(leaves, index, low, middle), root_of(leaves[middle:high])]
    return [*_path(leaves, index, middle, high), root_of(leaves[low:middle])]


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Return the hashes that show the first `first` leaves to be the beginning of all (section 2.1.2).

    Raises:
        LedgerError: `first` is 0 or larger than the tree.
    """
    if not 0 < first <= len(leaves):
        raise LedgerError(f"expected a size from 1 to {len(leaves)}, found {first}")
    return _subproof(leaves, first, 0, len(leaves), whole=True)


def _subproof(leaves: Sequence[bytes], first: int, low: int, high: int, *, whole: bool) -> list[bytes]:
    if first == high - low:
        return [] if whole else [root_of(leaves[low:high])]
    split = _split(high - low)
    middle = low + split
    if first <= split:
        return [*_subproof(leaves, first, low, middle, whole=whole), root_of(leaves[middle:high])]
    return [*_subproof(leaves, first - split, middle, high, whole=False), root_of(leaves[low:middle])]


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); the caller compares it.

    Raises:
        LedgerError: the proof does not fit index and size; nothing is hashed before that is known.
    """
    if not 0 <= index < size:
        raise LedgerError(f"expected an index below the size {size}, found {index}")
    inner = (index ^ (size - 1)).bit_length()
    _require_hashes(proof, inner + (index >> inner).bit_count())
    node, last = leaf, size - 1
    for step in proof:
        if index & 1 or index == last:
            node = node_hash(step, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    return node


def require_consistent(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of size `first` is the beginning of that of size `second` (RFC 9162 section 2.1.4.2).

    Raises:
        LedgerError: it is not, or the proof does not fit the sizes.
    """
    if not 0 < first <= second:
        raise LedgerError(f"expected sizes with 0 < first <= second, found {first} and {second}")
    if first == second:
        _require_hashes(proof, 0)
        _require_same(first_root, second_root, first)
        return
    if len(proof) > MAX_PROOF_HASHES or not proof:
        raise LedgerError(f"expected from 1 to {MAX_PROOF_HASHES} hashes in the proof, found {len(proof)}")
    _require_hashes(proof, len(proof))
    hashes = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    old, new = _climb(first, second, hashes)
    _require_same(old, first_root, first)
    _require_same(new, second_root, second)


def _climb(first: int, second: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    index, last = first - 1, second - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = hashes[0]
    for step in hashes[1:]:
        if last == 0:
            raise LedgerError("expected a shorter consistency proof")
        if index & 1 or index == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, step)
        index, last = index >> 1, last >> 1
    if last != 0:
        raise LedgerError("expected a longer consistency proof")
    return old, new


def _require_hashes(proof: Sequence[bytes], count: int) -> None:
    if len(proof) != count or any(len(step) != HASH_BYTES for step in proof):
        raise LedgerError(f"expected {count} hashes of {HASH_BYTES} bytes in the proof, found {len(proof)}")


def _require_same(found: bytes, expected: bytes, size: int) -> None:
    if found != expected:
        raise LedgerError(f"expected the root {expected.hex()} at size {size}, found {found.hex()}")
