"""Checkpoints as C2SP signed notes: a log's name, size and root in three lines, signed with Ed25519.

Pure: text in, facts out. The formats are those of https://c2sp.org/signed-note and
https://c2sp.org/tlog-checkpoint, read strictly: every spelling but one is refused, extension lines too.
A good signature says that the holder of the key wrote these three lines, and nothing about what they mean.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestrator.errors import LedgerError
from orchestrator.ledger.tree import HASH_BYTES

ED25519 = b"\x01"  # signature type in key ids and verifier keys
KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
MAX_NOTE_BYTES = 16 * 1024
MAX_SIGNATURES = 16
MAX_SIZE = 2**53 - 1

_NAME = re.compile(r"[!-*,-~]{1,200}", re.ASCII)  # printable ASCII without space and plus
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_DASH = "\u2014"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """A public Ed25519 key under a name, for one purpose. Text form: `<name>+<key id>+<base64 of TYPE||key>`."""

    TYPE: ClassVar[bytes]  # in key ids and text forms: no key passes for one of another purpose
    WHAT: ClassVar[str]

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first bytes of SHA-256(name || newline || type || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self.TYPE + self.public).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(self.TYPE + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form back; law: `str(parse(t)) == t`, or `LedgerError`."""
        name, _, rest = text.partition("+")
        _, _, key = rest.partition("+")
        raw = decoded(key, 1 + PUBLIC_BYTES, what=cls.WHAT)
        found = cls(name=require_name(name), public=raw[1:])
        if str(found) != text:
            raise LedgerError(
                f"expected {cls.WHAT} of the form name+id+key with type {cls.TYPE[0]}, found {text!r:.200}"
            )
        return found

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Say whether the signature is this key's over `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey(NamedKey):
    """A log's public key, under the log's name."""

    TYPE = ED25519
    WHAT = "a verifier key"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key; it signs for any log, under that log's name."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def key(self, name: str) -> VerifierKey:
        return VerifierKey(name=name, public=self.public)

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log's keeper vouches for: the first `size` entries of `origin` have this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return the three lines that are signed."""
        return b"%s\n%d\n%s\n" % (self.origin.encode(), self.size, encoded(self.root).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint with its signature lines, as (name, key id || signature), in order. Not verified by itself."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes], ...]

    def require_signed(self, key: VerifierKey) -> Checkpoint:
        """Return the checkpoint if `key` signed it.

        Raises:
            LedgerError: no signature of this key, or a wrong one.
        """
        for name, data in self.signatures:
            if name == key.name and data[:KEY_ID_BYTES] == key.id:
                if key.signed(self.checkpoint.text(), data[KEY_ID_BYTES:]):
                    return self.checkpoint
                raise LedgerError(f"checkpoint of {self.checkpoint.origin}: its signature by {key} does not hold")
        raise LedgerError(
            f"checkpoint of {self.checkpoint.origin}: expected a signature by {key}, found none",
            remedy="it belongs to another log, or to another key",
        )

    def render(self) -> bytes:
        """Return the note's bytes; law: `parse(render(c)) == c`."""
        lines = [f"{_DASH} {name} {encoded(data)}\n" for name, data in self.signatures]
        return self.checkpoint.text() + b"\n" + "".join(lines).encode()


def signed_by(checkpoint: Checkpoint, key: VerifierKey, signature: bytes) -> SignedCheckpoint:
    """Return the note that one signature makes."""
    return SignedCheckpoint(checkpoint=checkpoint, signatures=((key.name, key.id + signature),))


def parse(data: bytes) -> SignedCheckpoint:
    """Read a checkpoint note strictly; signatures are not verified.

    Raises:
        LedgerError: too long, no UTF-8, not three lines and signatures, or another spelling of them.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise LedgerError(f"expected a checkpoint of at most {MAX_NOTE_BYTES} bytes, found {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LedgerError("expected a checkpoint in UTF-8, found other bytes") from error
    body, blank, tail = text.partition("\n\n")
    lines, signatures = body.split("\n"), tail.split("\n")
    if not blank or len(lines) != 3 or signatures[-1] != "" or not 1 < len(signatures) <= MAX_SIGNATURES + 1:
        raise LedgerError(
            "expected a checkpoint: origin, size, root, an empty line, signature lines; found another form"
        )
    checkpoint = Checkpoint(origin=require_name(lines[0]), size=_size(lines[1]), root=decoded(lines[2], HASH_BYTES))
    found = SignedCheckpoint(checkpoint=checkpoint, signatures=tuple(_signature(line) for line in signatures[:-1]))
    signers = {(name, raw[:KEY_ID_BYTES]) for name, raw in found.signatures}
    if len(signers) != len(found.signatures):
        raise LedgerError("checkpoint: expected one signature of each key, found two")
    return found


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH:
        raise LedgerError(f"expected a signature line, found {line!r:.100}")
    return require_name(parts[1]), decoded(parts[2])


def _size(text: str) -> int:
    if not _SIZE.fullmatch(text) or int(text) > MAX_SIZE:
        raise LedgerError(f"expected a size in decimal, found {text!r:.40}")
    return int(text)


def require_name(name: str) -> str:
    """Return a name that may stand in notes and verifier keys.

    Raises:
        LedgerError: empty, too long, or with a space, a plus sign or anything but printable ASCII.
    """
    if not _NAME.fullmatch(name):
        raise LedgerError(f"expected a name of printable ASCII without space and plus, found {name!r:.100}")
    return name


def encoded(data: bytes) -> str:
    """Return base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decoded(text: str, size: int | None = None, *, what: str = "a checkpoint") -> bytes:
    """Return the bytes of base64 in its one canonical spelling, `size` of them (at least a key id and a bit).

    Raises:
        LedgerError: not base64, unused bits that are set (Python accepts them: cpython#146311), another length.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LedgerError(f"{what}: expected base64, found {text!r:.100}") from error
    if encoded(data) != text:
        raise LedgerError(f"{what}: expected canonical base64, found another spelling: {text!r:.100}")
    if len(data) != size if size is not None else len(data) <= KEY_ID_BYTES:
        raise LedgerError(f"{what}: expected {size or 'more'} bytes in base64, found {len(data)}")
    return data
