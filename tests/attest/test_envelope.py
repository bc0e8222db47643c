"""Envelopes are DSSE for anybody's verifier; their key is private, P-256, and not the ledger's."""

from __future__ import annotations

import base64
import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from orchestrator.attest import envelope
from orchestrator.errors import LedgerError
from orchestrator.ledger import keys

PAYLOAD = b'{"a":1}'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


@pytest.fixture
def key(tmp_path: Path) -> envelope.SigningKey:
    return envelope.signing_key(tmp_path / "run")


def test_the_key_is_made_on_first_use_and_is_its_owner_s_alone(folder: Path, key: envelope.SigningKey) -> None:
    assert stat.S_IMODE((folder / "attestation.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["attestation.key"]
    assert envelope.signing_key(folder.parent / "run").public == key.public


def test_it_is_no_key_of_ledgers_nor_of_their_kind(folder: Path, key: envelope.SigningKey) -> None:
    keys.current()
    (folder / "ledger.key").unlink()
    (folder / "attestation.key").rename(folder / "ledger.key")
    with pytest.raises(LedgerError, match="expected an Ed25519 key, found a key of another kind"):
        keys.current()


def test_a_ledger_s_key_signs_no_attestation(folder: Path) -> None:
    keys.current()
    (folder / "ledger.key").rename(folder / "attestation.key")
    with pytest.raises(LedgerError, match="expected a P-256 key, found a key of another kind"):
        envelope.signing_key(folder.parent / "run")


def test_a_key_within_the_run_is_refused(folder: Path) -> None:
    with pytest.raises(LedgerError, match="outside of the run directory"):
        envelope.signing_key(folder.parent)
    assert not folder.exists()


def test_a_key_that_others_may_read_is_refused(folder: Path, key: envelope.SigningKey) -> None:
    (folder / "attestation.key").chmod(0o640)
    with pytest.raises(LedgerError, match="only its owner may read") as refused:
        envelope.signing_key(folder.parent / "run")
    assert "remove it" in refused.value.remedy
    assert not envelope.is_here(key.public)


def test_another_curve_is_refused(folder: Path, key: envelope.SigningKey) -> None:
    other = generate_private_key(SECP384R1())
    (folder / "attestation.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(LedgerError, match="expected a P-256 key"):
        envelope.signing_key(folder.parent / "run")


def test_whether_a_key_is_here_is_said_without_making_one(folder: Path) -> None:
    assert not envelope.is_here("")
    assert not folder.exists()


def test_securesystemslib_verifies_it(key: envelope.SigningKey) -> None:
    public = SSlibKey.from_crypto(load_pem_public_key(key.public.encode()))
    found = Envelope.from_dict(key.sign(PAYLOAD))
    assert found.verify([public], 1) == {key.id: public}
    assert (found.payload, found.payload_type) == (PAYLOAD, "application/vnd.in-toto+json")
    found.payload += b" "
    with pytest.raises(VerificationError):
        found.verify([public], 1)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: apt-get install openssl")
def test_openssl_verifies_it(tmp_path: Path, key: envelope.SigningKey) -> None:
    """DSSE's pre-authentication encoding, written out here, under a verifier that shares no code with ours."""
    kind = b"application/vnd.in-toto+json"
    signature = base64.b64decode(key.sign(PAYLOAD)["signatures"][0]["sig"])
    (tmp_path / "signed").write_bytes(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(PAYLOAD), PAYLOAD))
    (tmp_path / "sig").write_bytes(signature)
    (tmp_path / "pub").write_text(key.public)
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "pub", "-signature", "sig", "signed"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "Verified OK\n", done.stderr


def test_an_envelope_opens_to_what_was_signed(key: envelope.SigningKey) -> None:
    assert envelope.opened(key.sign(PAYLOAD), key.public) == (PAYLOAD, key.id)


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "text/plain"},
        {"payload": base64.b64encode(b'{"a":2}').decode()},
        {"payload": "eyJhIjoxfR=="},  # the same bytes, unused bits set
        {"payload": 7},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": [{"keyid": "0" * 64, "sig": "AAAAAAAA"}]},
        {"signatures": ["sig"]},
        {"more": 1},
    ],
)
def test_another_envelope_is_refused(key: envelope.SigningKey, change: dict[str, Any]) -> None:
    with pytest.raises(LedgerError):
        envelope.opened({**key.sign(PAYLOAD), **change}, key.public)


def test_a_second_signature_is_refused(key: envelope.SigningKey) -> None:
    """What else a signer vouches for, by signing too, is not for us to guess."""
    signed = key.sign(PAYLOAD)
    with pytest.raises(LedgerError, match="expected one signature"):
        envelope.opened({**signed, "signatures": signed["signatures"] * 2}, key.public)


def test_a_signature_of_another_key_is_refused(folder: Path, key: envelope.SigningKey) -> None:
    (folder / "attestation.key").unlink()
    other = envelope.signing_key(folder.parent / "run")
    signed = other.sign(PAYLOAD)
    with pytest.raises(LedgerError, match=f"expected a signature of the key {key.id}"):
        envelope.opened(signed, key.public)
    signed["signatures"][0]["keyid"] = key.id
    with pytest.raises(LedgerError, match="does not hold"):
        envelope.opened(signed, key.public)


def test_only_p_256_public_keys_are_read(key: envelope.SigningKey) -> None:
    ed25519 = Ed25519PrivateKey.generate().public_key()
    pem = ed25519.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for text in (pem, "", "none", json.dumps({}), "\u00e9"):
        with pytest.raises(LedgerError, match="expected a P-256 public key"):
            envelope.public_key(text)
    assert envelope.public_key(key.public + "\n") == key.public
