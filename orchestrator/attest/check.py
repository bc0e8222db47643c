"""An attestation -> whether it holds, without the ledger that it was made from.

    1 size and form           2 the envelope's signature        3 every proof, all under one checkpoint
    4 large values by digest  5 the entries hold together       6 the statement is the one that they make

The last step compares bytes: nothing in a statement that holds can say anything but what the entries say.
Whose keys these are, and that the record goes on without rejecting the program, a file cannot show. Nor any other
absence: that no later `determinism.profile` than the one in it comes before the program, where a run was resumed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.attest.basis import basis_of
from orchestrator.attest.envelope import ENVELOPE_KEYS, opened, public_key
from orchestrator.attest.statement import rendered
from orchestrator.attest.write import FORMAT, MAX_BYTES
from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry, canonical, sha256_of
from orchestrator.ledger.canonical import decode
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey
from orchestrator.ledger.payload import MOVED
from orchestrator.ledger.proof import Proven
from orchestrator.ledger.proof import check as check_proof
from orchestrator.ledger.tree import leaf_hash

MAX_PROOFS = 16
_BESIDE = frozenset({"format", "public_key", "proofs", "moved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An attestation that holds, and what vouches for it."""

    statement: Mapping[str, Any]
    program: str
    public: str  # key of the envelope, PEM
    signer: str  # its id
    key: VerifierKey  # of the log
    note: SignedCheckpoint  # with the witnesses' lines, which are not looked at here
    indices: tuple[int, ...]  # of the proven entries


def check(data: bytes) -> Checked:
    """Check the bytes of an attestation; see the module's steps.

    Raises:
        LedgerError: one of them does not hold.
    """
    envelope, beside = _parts(data)
    public = public_key(beside["public_key"])
    payload, signer = opened(envelope, public)
    proven = _proven(beside["proofs"])
    entries = _entries(proven, beside["moved"])
    origin = proven[0].note.checkpoint.origin
    basis = basis_of(origin, entries, [each.event for each in proven])
    statement = decode(payload)
    kind = statement.get("predicateType") if isinstance(statement, dict) else None
    if rendered(basis, kind if isinstance(kind, str) else "") != payload:
        raise LedgerError(f"expected the statement that the proven entries about {basis.program} make, found another")
    return Checked(
        statement=statement,
        program=basis.program,
        public=public,
        signer=signer,
        key=proven[0].key,
        note=proven[0].note,
        indices=tuple(entry.index for entry in entries),
    )


def _parts(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the envelope and what stands beside it."""
    if len(data) > MAX_BYTES:
        raise LedgerError(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"expected JSON, found something else: {error!r:.120}") from error
    beside = found.pop("assay", None) if isinstance(found, dict) else None
    if not isinstance(beside, dict) or set(found) != ENVELOPE_KEYS or set(beside) != _BESIDE:
        raise LedgerError(f"expected an envelope and `assay` with {sorted(_BESIDE)}, found another form")
    if beside["format"] != FORMAT or not isinstance(beside["public_key"], str):
        raise LedgerError(f"expected the format {FORMAT} and a public key, found {beside['format']!r:.80}")
    return found, beside


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: readers differ in which of the two they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LedgerError("expected each key of an object once, found one twice")
    return found


def _proven(proofs: object) -> list[Proven]:
    if not isinstance(proofs, list) or not 0 < len(proofs) <= MAX_PROOFS:
        raise LedgerError(f"expected from 1 to {MAX_PROOFS} proofs, found another number")
    found = [check_proof(proof) for proof in proofs]
    first, indices = found[0], [each.event["seq"] for each in found]
    if any(each.note != first.note or each.key != first.key for each in found):
        raise LedgerError("expected all proofs under one checkpoint, found several")
    if indices != sorted(set(indices)):
        raise LedgerError(f"expected proofs in the order of the log, each once, found {indices!r:.120}")
    return found


def _entries(proven: list[Proven], moved: object) -> list[Entry]:
    """Return the proven entries with their large values in place; every value that is there must be used."""
    if not isinstance(moved, dict) or not all(isinstance(text, str) for text in moved.values()):
        raise LedgerError("expected `moved` to hold texts by their digests, found another form")
    used: set[str] = set()
    entries = [_entry(each.event, moved, used) for each in proven]
    if set(moved) != used:
        raise LedgerError(f"expected the {len(used)} large values that entries name, found {len(moved)}")
    return entries


def _entry(event: Mapping[str, Any], moved: Mapping[str, str], used: set[str]) -> Entry:
    data = dict(event["data"])
    references = data.pop(MOVED, {})
    if not isinstance(references, dict):
        raise LedgerError(f"entry {event['seq']}: expected `{MOVED}` to be a map")
    for name, reference in references.items():
        digest = reference.get("sha256") if isinstance(reference, dict) else None
        text = moved.get(digest, "").encode("utf-8", "surrogatepass") if isinstance(digest, str) else b""
        if digest != sha256_of(text):
            raise LedgerError(f"entry {event['seq']}: expected the value of `{name}` with the digest {digest!r:.80}")
        data[name] = decode(text)
        used.add(digest)
    return Entry(
        index=event["seq"],
        hash=leaf_hash(canonical(event)).hex(),
        type=event["type"],
        subject=event["subject"],
        time=event["time"],
        data=data,
    )
