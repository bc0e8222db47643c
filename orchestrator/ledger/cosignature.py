"""Cosignatures: a witness's word that it saw a log grow to a checkpoint, and saw it grow no other way. Pure.

The format is that of https://c2sp.org/tlog-cosignature, version 1 with Ed25519: a line of the checkpoint's note
that holds key id, time and signature. What is signed begins otherwise than a checkpoint, and a cosigner's key has
another type than a log's, so that neither can pass for the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import (
    KEY_ID_BYTES,
    SIGNATURE_BYTES,
    Checkpoint,
    NamedKey,
    SignedCheckpoint,
    Signer,
)

COSIGNATURE_V1 = b"\x04"  # signature type in key ids and verifier keys
TIME_BYTES = 8
MAX_TIME = 2**63 - 1
LINE_BYTES = KEY_ID_BYTES + TIME_BYTES + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerKey(NamedKey):
    """A witness's public key and name."""

    TYPE = COSIGNATURE_V1
    WHAT = "a witness's key"

    def cosign(self, signer: Signer, checkpoint: Checkpoint, time: int) -> tuple[str, bytes]:
        """Return the signature line of a checkpoint by this key's private half, as (name, data)."""
        signature = signer.sign(_message(checkpoint, time))
        return (self.name, self.id + time.to_bytes(TIME_BYTES, "big") + signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A cosignature that holds: which witness vouches for which checkpoint, and since when (seconds of 1970)."""

    key: CosignerKey
    checkpoint: Checkpoint
    time: int
    line: tuple[str, bytes]


def cosigned_by(note: SignedCheckpoint, key: CosignerKey) -> Cosigned | None:
    """Return this witness's cosignature of a checkpoint; None if there is none.

    Raises:
        LedgerError: there is one, and it does not hold.
    """
    for line in note.signatures:
        if line[0] == key.name and line[1][:KEY_ID_BYTES] == key.id:
            return require_cosigned(note.checkpoint, line, key)
    return None


def require_cosigned(checkpoint: Checkpoint, line: tuple[str, bytes], key: CosignerKey) -> Cosigned:
    """Check one signature line, (name, data), that is said to be of this key.

    Raises:
        LedgerError: another name, key id or length, a time beyond the format's, or a signature that does not hold.
    """
    name, data = line
    time = int.from_bytes(data[KEY_ID_BYTES : KEY_ID_BYTES + TIME_BYTES], "big")
    if name != key.name or data[:KEY_ID_BYTES] != key.id or len(data) != LINE_BYTES or time > MAX_TIME:
        raise LedgerError(f"checkpoint of {checkpoint.origin}: expected a cosignature by {key}, found another form")
    if not key.signed(_message(checkpoint, time), data[KEY_ID_BYTES + TIME_BYTES :]):
        raise LedgerError(
            f"checkpoint of {checkpoint.origin}, size {checkpoint.size}: its cosignature by {key} does not hold"
        )
    return Cosigned(key=key, checkpoint=checkpoint, time=time, line=line)


def with_lines(note: SignedCheckpoint, lines: tuple[tuple[str, bytes], ...]) -> SignedCheckpoint:
    """Return the note with these signature lines too; of one name and key id the newer line takes the older's place."""
    kept = {(name, data[:KEY_ID_BYTES]): (name, data) for name, data in (*note.signatures, *lines)}
    return SignedCheckpoint(checkpoint=note.checkpoint, signatures=tuple(kept.values()))


def _message(checkpoint: Checkpoint, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + checkpoint.text()
