"""Cosignatures: a witness's word that it saw a log grow to a checkpoint, and saw it grow no other way. Pure.

The format is that of https://c2sp.org/tlog-cosignature, version 1 with Ed25519: a line of the checkpoint's note
that holds key id, time and signature. What is signed begins otherwise than a checkpoint, and a cosigner's key has
another type than a log's, so that neither can pass for the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import (
    KEY_ID_BYTES,
    PUBLIC_BYTES,
    SIGNATURE_BYTES,
    Checkpoint,
    SignedCheckpoint,
    Signer,
    decoded,
    encoded,
    require_name,
)

COSIGNATURE_V1 = b"\x04"  # signature type in key ids and verifier keys
TIME_BYTES = 8
MAX_TIME = 2**63 - 1
LINE_BYTES = KEY_ID_BYTES + TIME_BYTES + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerKey:
    """A witness's public key and name. Text form: `<name>+<key id>+<base64 of 4||key>`."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first bytes of SHA-256(name || newline || type || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + COSIGNATURE_V1 + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(COSIGNATURE_V1 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> CosignerKey:
        """Read the text form back; law: `str(parse(t)) == t`, or `LedgerError`."""
        name, _, rest = text.partition("+")
        _, _, key = rest.partition("+")
        raw = decoded(key, 1 + PUBLIC_BYTES, what="a witness's key")
        found = cls(name=require_name(name), public=raw[1:])
        if str(found) != text:
            raise LedgerError(f"expected a witness's key of the form name+id+key with type 4, found {text!r:.200}")
        return found

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
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(data[KEY_ID_BYTES + TIME_BYTES :], _message(checkpoint, time))
    except (InvalidSignature, ValueError) as error:
        raise LedgerError(
            f"checkpoint of {checkpoint.origin}, size {checkpoint.size}: its cosignature by {key} does not hold"
        ) from error
    return Cosigned(key=key, checkpoint=checkpoint, time=time, line=line)


def with_lines(note: SignedCheckpoint, lines: tuple[tuple[str, bytes], ...]) -> SignedCheckpoint:
    """Return the note with these signature lines too; of one name and key id the newer line takes the older's place."""
    kept = {(name, data[:KEY_ID_BYTES]): (name, data) for name, data in (*note.signatures, *lines)}
    return SignedCheckpoint(checkpoint=note.checkpoint, signatures=tuple(kept.values()))


def _message(checkpoint: Checkpoint, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + checkpoint.text()
