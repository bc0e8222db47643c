"""Proofs that stand alone: one event, its path to a root, and the checkpoint that vouches for the root.

Whoever has a proof and knows the log's key needs no log. It shows that the event was in the record; not that
it is true, nor that the record was not cut or continued afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.entry import event_of
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey, decoded, encoded, parse
from orchestrator.ledger.reading import batches_of
from orchestrator.ledger.tree import (
    HASH_BYTES,
    MAX_PROOF_HASHES,
    inclusion_proof,
    leaf_hash,
    root_from_inclusion,
)

FORMAT = "assay-proof/1"
_KEYS = ("format", "index", "event", "proof", "checkpoint", "vkey")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An event that a proof holds for, and what vouches for it."""

    event: Mapping[str, Any]
    note: SignedCheckpoint
    key: VerifierKey


def prove(path: Path, index: int) -> dict[str, Any]:
    """Return the proof of one event under the log's last checkpoint, as JSON; the log is verified on the way.

    Raises:
        LedgerError: the log is damaged, or has no such event.
    """
    leaves: list[bytes] = []
    event = last = None
    for last in batches_of(path):
        for leaf in last.leaves:
            if len(leaves) == index:
                event = leaf.event
            leaves.append(leaf.hash)
    if event is None or last is None:
        raise LedgerError(f"{path}: expected an index below {len(leaves)}, found {index}")
    return rendered(event, inclusion_proof(leaves, index), last.note, last.key)


def rendered(
    event: Mapping[str, Any], steps: Sequence[bytes], note: SignedCheckpoint, key: VerifierKey
) -> dict[str, Any]:
    """Return a proof as JSON."""
    return {
        "format": FORMAT,
        "index": event["seq"],
        "event": canonical(event).decode(),
        "proof": [encoded(step) for step in steps],
        "checkpoint": note.render().decode(),
        "vkey": str(key),
    }


def check(proof: object, key: VerifierKey | None = None) -> Proven:
    """Check a proof; `key` is one that you know to be the log's, otherwise the proof's own is taken.

    1 form, 2 the checkpoint's signature, 3 the event's form, index and origin, 4 the path to the root.

    Raises:
        LedgerError: one of these does not hold.
    """
    if not isinstance(proof, dict) or set(proof) != set(_KEYS) or proof["format"] != FORMAT:
        raise LedgerError(f"expected a proof with the keys {list(_KEYS)} and the format {FORMAT}, found another form")
    texts = [proof["event"], proof["checkpoint"], proof["vkey"]]
    index, steps = proof["index"], proof["proof"]
    if not all(isinstance(text, str) for text in texts) or type(index) is not int or not isinstance(steps, list):
        raise LedgerError("expected texts, an index and a list of hashes in the proof, found other kinds")
    if len(steps) > MAX_PROOF_HASHES or not all(isinstance(step, str) for step in steps):
        raise LedgerError(f"expected at most {MAX_PROOF_HASHES} hashes in the proof, found {len(steps)}")
    own = VerifierKey.parse(proof["vkey"])
    if key is not None and key.public != own.public:
        raise LedgerError(f"expected the key {key}, found {own}")
    note = parse(proof["checkpoint"].encode("utf-8", "surrogatepass"))
    checkpoint = note.require_signed(own)
    line = proof["event"].encode("utf-8", "surrogatepass")
    event = event_of(line, index)
    if event["source"] != checkpoint.origin or own.name != checkpoint.origin:
        raise LedgerError(f"expected an event of {checkpoint.origin}, found one of {event['source']!r:.200}")
    path = [decoded(step, HASH_BYTES, what="a proof") for step in steps]
    root = root_from_inclusion(leaf_hash(line), index, checkpoint.size, path)
    if root != checkpoint.root:
        raise LedgerError(f"expected the proof to lead to the root {checkpoint.root.hex()}, found {root.hex()}")
    return Proven(event=event, note=note, key=own)
