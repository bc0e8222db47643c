"""Cosignatures: the bytes of C2SP tlog-cosignature v1, and nothing that could pass for them."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import LedgerError
from orchestrator.ledger.cosignature import CosignerKey, cosigned_by, require_cosigned, with_lines
from orchestrator.ledger.note import Signer, VerifierKey, parse
from tests.ledger.witnessed import Log

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(PRIVATE)
KEY = CosignerKey(name="witness.example/w1", public=SIGNER.public)
NOTE = Log(5).note()
LINE = KEY.cosign(SIGNER, NOTE.checkpoint, 1_679_315_147)


def test_the_message_is_the_header_the_time_and_the_note_s_text() -> None:
    data = LINE[1]
    message = b"cosignature/v1\ntime 1679315147\n" + NOTE.checkpoint.text()
    PRIVATE.public_key().verify(data[12:], message)
    assert data[4:12] == (1_679_315_147).to_bytes(8, "big")
    assert data[:4] == hashlib.sha256(b"witness.example/w1\n\x04" + SIGNER.public).digest()[:4]


def test_a_key_s_text_reads_back_and_no_other_spelling_does() -> None:
    assert CosignerKey.parse(str(KEY)) == KEY
    for other in (str(KEY) + "=", str(KEY).replace("w1", "w2"), "", "a+b", str(KEY)[:-1]):
        with pytest.raises(LedgerError):
            CosignerKey.parse(other)


def test_a_log_s_key_is_no_witness_s_and_the_other_way_round() -> None:
    log_key = VerifierKey(name=KEY.name, public=KEY.public)
    with pytest.raises(LedgerError, match="type 4"):
        CosignerKey.parse(str(log_key))
    with pytest.raises(LedgerError, match="type 1"):
        VerifierKey.parse(str(KEY))
    assert log_key.id != KEY.id


def test_a_cosignature_survives_the_note_and_holds() -> None:
    note = parse(with_lines(NOTE, (LINE,)).render())
    found = cosigned_by(note, KEY)
    assert found is not None
    assert (found.time, found.checkpoint, found.line) == (1_679_315_147, NOTE.checkpoint, LINE)
    assert cosigned_by(NOTE, KEY) is None


@pytest.mark.parametrize("at", [4, 11, 12, 75])
def test_a_changed_byte_of_time_or_signature_does_not_hold(at: int) -> None:
    data = LINE[1][:at] + bytes([LINE[1][at] ^ 1]) + LINE[1][at + 1 :]
    with pytest.raises(LedgerError):
        require_cosigned(NOTE.checkpoint, (LINE[0], data), KEY)


def test_a_cosignature_of_another_checkpoint_does_not_hold() -> None:
    with pytest.raises(LedgerError, match="does not hold"):
        require_cosigned(Log(6).note().checkpoint, LINE, KEY)


def test_a_plain_signature_by_the_same_key_is_no_cosignature() -> None:
    plain = (KEY.name, KEY.id + bytes(8) + SIGNER.sign(NOTE.checkpoint.text()))
    with pytest.raises(LedgerError, match="does not hold"):
        require_cosigned(NOTE.checkpoint, plain, KEY)


def test_a_time_beyond_the_format_is_refused() -> None:
    line = KEY.cosign(SIGNER, NOTE.checkpoint, 2**63)
    with pytest.raises(LedgerError, match="another form"):
        require_cosigned(NOTE.checkpoint, line, KEY)


def test_a_newer_cosignature_takes_the_older_one_s_place() -> None:
    newer = KEY.cosign(SIGNER, NOTE.checkpoint, 1_679_315_148)
    assert with_lines(with_lines(NOTE, (LINE,)), (newer,)).signatures == (*NOTE.signatures, newer)
