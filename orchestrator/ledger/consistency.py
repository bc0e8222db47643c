"""Consistency proofs that stand alone: that a log at one size is the beginning of the same log at a later one.

Whoever kept an old checkpoint checks it against a newer one with such a proof, and needs no log. It shows that
nothing before the old size was changed or cut; it says nothing about what the entries are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.commit import Batch
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.note import MAX_SIZE, Checkpoint, SignedCheckpoint, VerifierKey, decoded, encoded, parse
from orchestrator.ledger.reading import Held, HeldError, batches_of
from orchestrator.ledger.tree import HASH_BYTES, MAX_PROOF_HASHES, require_consistent
from orchestrator.ledger.witness_protocol import Request

FORMAT = "assay-consistency/1"
_KINDS: Mapping[str, type] = {
    "format": str,
    "old_size": int,
    "old_root": str,
    "proof": list,
    "checkpoint": str,
    "vkey": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistent:
    """A log's earlier size and root, the later checkpoint, and the proof that leads from one to the other."""

    old_size: int
    old_root: bytes
    proof: tuple[bytes, ...]
    note: SignedCheckpoint
    key: VerifierKey

    def as_json(self) -> dict[str, Any]:
        """Return the file's form; law: `check(c.as_json()) == c`."""
        return {
            "format": FORMAT,
            "old_size": self.old_size,
            "old_root": encoded(self.old_root),
            "proof": [encoded(step) for step in self.proof],
            "checkpoint": self.note.render().decode(),
            "vkey": str(self.key),
        }

    def as_request(self) -> bytes:
        """Return the form of C2SP tlog-witness, as a witness takes it; the old root is not in it."""
        return Request(old=self.old_size, proof=self.proof, note=self.note.render()).render()


def prove(path: Path, old: int | SignedCheckpoint, new: int | None = None) -> Consistent:
    """Prove that a log goes on from an old size, or from a checkpoint that was kept; it is verified on the way.

    `new` is a later size at which the log was signed; by default the last one.

    Raises:
        HeldError: the log does not go on from that checkpoint.
        LedgerError: the log is damaged, shorter, or was not signed at `new`; or the old size is 0 or beyond it.
    """
    growth, guard, taken = Growth(), Held(old if isinstance(old, SignedCheckpoint) else None), None
    for batch in batches_of(path):
        guard.take(batch)
        for leaf in batch.leaves:
            growth.append(leaf.hash)
        taken = batch
        if new is not None and batch.place.size >= new:
            break
    if taken is None or (new is not None and taken.place.size != new):
        raise LedgerError(
            f"{path}: expected a size at which the log was signed, found {new}",
            remedy=f"leave it out, or take {taken.place.size}" if taken else "",
        )
    guard.require()
    return _proved(growth, taken, old if isinstance(old, int) else old.checkpoint.size)


def _proved(growth: Growth, taken: Batch, old_size: int) -> Consistent:
    proof = tuple(growth.consistency(old_size))
    return Consistent(old_size=old_size, old_root=growth.root(old_size), proof=proof, note=taken.note, key=taken.key)


def check(value: object, *, held: SignedCheckpoint | None = None, key: VerifierKey | None = None) -> Consistent:
    """Check a proof; `held` is the old checkpoint that you kept, `key` the log's key as you know it.

    1 form, 2 the new checkpoint's signature, 3 the old size and root are those of `held`, 4 the proof.

    Raises:
        LedgerError: one of these does not hold.
    """
    found = _parsed(value)
    if key is not None and key.public != found.key.public:
        raise LedgerError(f"expected the key {key}, found {found.key}")
    new = found.note.require_signed(found.key)
    if found.key.name != new.origin:
        raise LedgerError(f"expected a key of {new.origin}, found {found.key}")
    if held is not None:
        _require_same(held.checkpoint, found, new)
    require_consistent(found.old_size, found.old_root, new.size, new.root, found.proof)
    return found


def _require_same(held: Checkpoint, found: Consistent, new: Checkpoint) -> None:
    if held.origin != new.origin:
        raise HeldError(f"the checkpoint is of {held.origin}, the proof of {new.origin}")
    if (held.size, held.root) != (found.old_size, found.old_root):
        raise HeldError(
            f"expected a proof from size {held.size} and root {held.root.hex()}, "
            f"found one from {found.old_size} and {found.old_root.hex()}",
            remedy="ask for a proof from your checkpoint: `assay ledger prove-consistent RUN CHECKPOINT_FILE`",
        )


def _parsed(value: object) -> Consistent:
    if not isinstance(value, dict) or {key: type(item) for key, item in value.items()} != _KINDS:
        raise LedgerError(f"expected a proof with the keys {list(_KINDS)} and the format {FORMAT}, found another form")
    if value["format"] != FORMAT:
        raise LedgerError(f"expected the format {FORMAT}, found {value['format']!r:.80}")
    steps = value["proof"]
    if len(steps) > MAX_PROOF_HASHES or not all(isinstance(step, str) for step in steps):
        raise LedgerError(f"expected at most {MAX_PROOF_HASHES} hashes in the proof, found {len(steps)}")
    if not 0 < value["old_size"] <= MAX_SIZE:
        raise LedgerError(f"expected an old size from 1, found {value['old_size']}")
    return Consistent(
        old_size=value["old_size"],
        old_root=decoded(value["old_root"], HASH_BYTES, what="a proof"),
        proof=tuple(decoded(step, HASH_BYTES, what="a proof") for step in steps),
        note=parse(value["checkpoint"].encode("utf-8", "surrogatepass")),
        key=VerifierKey.parse(value["vkey"]),
    )
