"""DSSE envelopes around statements, and the key that signs them. The one door to securesystemslib.

The key is P-256, since Sigstore's tools take no pure Ed25519, and never the one that signs ledgers: a signature
of the one can then not be taken for one of the other. It lies beside that one, and is made on first use.
A good signature says that the key's holder signed these bytes, and nothing about what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecuresystemslibError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.note import decoded

KEY_NAME = "attestation.key"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_KEYS = frozenset({"payload", "payloadType", "signatures"})
MAX_KEY_CHARS = 4096


class SigningKey:
    """The private key; `public` is its other half in PEM."""

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        self._signer = CryptoSigner(private)
        self.public = _pem(private.public_key())

    @property
    def id(self) -> str:
        """Name the key as securesystemslib does: the sha256 of its description."""
        return str(self._signer.public_key.keyid)

    def sign(self, payload: bytes) -> dict[str, Any]:
        """Return the envelope of a payload, as JSON."""
        envelope = Envelope(payload, PAYLOAD_TYPE, {})
        envelope.sign(self._signer)
        return dict(envelope.to_dict())


def signing_key(run_dir: Path) -> SigningKey:
    """Return this user's key for attestations about `run_dir`, made now if there is none.

    Raises:
        LedgerError: it lies in the run directory, cannot be made or read, or others than its owner may read it.
    """
    folder = keys.key_folder()
    keys.require_apart(folder, run_dir)
    keys.made_on_first_use(folder / KEY_NAME, lambda: generate_private_key(SECP256R1()))
    return _load(folder / KEY_NAME)


def is_here(public: str) -> bool:
    """Say whether a public key is this user's; none is made."""
    path = keys.key_folder() / KEY_NAME
    try:
        return path.exists() and _load(path).public == public
    except LedgerError:
        return False


def public_key(pem: str) -> str:
    """Return a P-256 public key in the one spelling that is compared.

    Raises:
        LedgerError: it is none.
    """
    return _pem(_parsed(pem))


def opened(envelope: Mapping[str, Any], public: str) -> tuple[bytes, str]:
    """Return an envelope's payload, signed by this key and no other, and the key's id.

    1 form, 2 payload type, 3 one signature, 4 it holds.

    Raises:
        LedgerError: one of these does not hold.
    """
    if set(envelope) != ENVELOPE_KEYS or not isinstance(envelope["signatures"], list):
        raise LedgerError(f"expected an envelope with the keys {sorted(ENVELOPE_KEYS)}, found another form")
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise LedgerError(f"expected the payload type {PAYLOAD_TYPE}, found {envelope['payloadType']!r:.80}")
    key = SSlibKey.from_crypto(_parsed(public))
    payload = _bytes(envelope["payload"])
    found = envelope["signatures"]
    if len(found) != 1 or not isinstance(found[0], dict) or set(found[0]) != {"keyid", "sig"}:
        raise LedgerError(f"expected one signature with keyid and sig, found {found!r:.200}")
    if found[0]["keyid"] != key.keyid:
        raise LedgerError(f"expected a signature of the key {key.keyid}, found one of {found[0]['keyid']!r:.80}")
    signature = Signature(key.keyid, _bytes(found[0]["sig"]).hex())
    try:
        Envelope(payload, PAYLOAD_TYPE, {key.keyid: signature}).verify([key], 1)
    except SecuresystemslibError as error:
        raise LedgerError(f"the envelope's signature by {key.keyid} does not hold") from error
    return payload, str(key.keyid)


def _load(path: Path) -> SigningKey:
    key = keys.read_private(path, kind="a P-256 key", renew="remove it: a new one is made")
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise LedgerError(f"{path}: expected a P-256 key, found a key of another kind")
    return SigningKey(key)


def _parsed(pem: str) -> EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem[:MAX_KEY_CHARS].encode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LedgerError(f"expected a P-256 public key in PEM, found {pem!r:.80}") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise LedgerError("expected a P-256 public key, found a key of another kind")
    return key


def _pem(key: EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise LedgerError(f"expected base64 in the envelope, found {text!r:.80}")
    return decoded(text, what="the envelope")
