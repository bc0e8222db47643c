"""Checkpoints and keys: one spelling, one meaning; everything else is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import Checkpoint, Signer, VerifierKey, parse, signed_by

ORIGIN = "assay/test/01KDYAK43G000G40R40M30E209"
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEY = SIGNER.key(ORIGIN)
CHECKPOINT = Checkpoint(origin=ORIGIN, size=17, root=bytes(range(32)))
NOTE = signed_by(CHECKPOINT, KEY, SIGNER.sign(CHECKPOINT.text()))
TEXT = NOTE.render()
# From https://c2sp.org/signed-note and golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN = b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NEUMANN_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_a_checkpoint_reads_back() -> None:
    found = parse(TEXT)
    assert found == NOTE
    assert found.render() == TEXT
    assert found.require_signed(KEY) == CHECKPOINT


def test_the_published_note_holds_under_the_published_key() -> None:
    key, raw = VerifierKey.parse(PETER), base64.b64decode(NEUMANN_SIGNATURE)
    assert raw[:4] == key.id
    assert key.signed(NEUMANN, raw[4:])
    assert not key.signed(NEUMANN + b"\n", raw[4:])


def lines(**changes: bytes) -> bytes:
    origin, size, root, _, signature, _ = TEXT.split(b"\n")
    parts = {"origin": origin, "size": size, "root": root, "blank": b"", "signature": signature, **changes}
    return b"\n".join([*parts.values(), b""])


SIGNATURE_LINE = TEXT.split(b"\n")[4]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT[:-1],
        TEXT + b"\n",
        TEXT.replace(b"\n", b"\r\n"),
        b"\n" + TEXT,
        lines(origin=b""),
        lines(origin=b"two\nlines"),
        lines(origin=b"with space"),
        lines(origin=b"with+plus"),
        lines(origin="assay/\u00e9".encode()),
        lines(size=b"017"),
        lines(size=b"+17"),
        lines(size=b"-1"),
        lines(size=b"1_7"),
        lines(size="\u0661".encode()),
        lines(size=b"9" * 30),
        lines(root=b"AAAA"),
        lines(root=TEXT.split(b"\n")[2].replace(b"=", b"")),
        lines(root=TEXT.split(b"\n")[2][:-2] + b"9="),
        lines(root=TEXT.split(b"\n")[2] + b"\nextension"),
        lines(signature=b""),
        lines(signature=SIGNATURE_LINE.replace("\u2014".encode(), b"-")),
        lines(signature=SIGNATURE_LINE + b" more"),
        lines(signature=SIGNATURE_LINE + b"\n" + SIGNATURE_LINE),
        lines(signature=b"\n".join(SIGNATURE_LINE.replace(b"assay", b"w%d" % n) for n in range(17))),
        b"\xff" + TEXT,
        TEXT + b"x" * 20_000,
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        parse(data)


def test_unknown_signers_are_passed_over_but_the_log_s_own_must_be_there() -> None:
    other = Signer(Ed25519PrivateKey.generate())
    witness = signed_by(CHECKPOINT, other.key("witness.example"), other.sign(CHECKPOINT.text()))
    both = parse(TEXT + witness.render().split(b"\n\n")[1])
    assert both.require_signed(KEY) == CHECKPOINT
    with pytest.raises(LedgerError, match="found none"):
        parse(witness.render()).require_signed(KEY)


@pytest.mark.parametrize("part", ["origin", "size", "root"])
def test_a_signature_over_something_else_does_not_hold(part: str) -> None:
    changed = {"origin": b"assay/other", "size": b"18", "root": base64.b64encode(bytes(32))}[part]
    with pytest.raises(LedgerError, match="does not hold"):
        parse(lines(**{part: changed})).require_signed(KEY)


def test_every_flipped_bit_of_a_checkpoint_is_found() -> None:
    for position in range(len(TEXT)):
        for bit in range(8):
            with pytest.raises(LedgerError):
                parse(TEXT[:position] + bytes([TEXT[position] ^ 1 << bit]) + TEXT[position + 1 :]).require_signed(KEY)


def test_a_key_reads_back() -> None:
    assert VerifierKey.parse(str(KEY)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        str(KEY) + "=",
        str(KEY).replace("+", " "),
        f"{ORIGIN}+00000000+{str(KEY).rpartition('+')[2]}",
        str(KEY).replace(ORIGIN, "assay/other"),
        PETER.replace("+AR", "+BR"),  # another type of signature
    ],
)
def test_another_spelling_of_a_key_is_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        VerifierKey.parse(text)


def test_a_signature_made_for_another_purpose_is_none_of_a_checkpoint() -> None:
    """DSSE signs `DSSEv1 <length> <type> ...`, which no checkpoint's text can be, whatever the key."""
    payload = CHECKPOINT.text()
    dsse = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    assert not KEY.signed(CHECKPOINT.text(), SIGNER.sign(dsse))
    with pytest.raises(LedgerError):
        parse(dsse + b"\n" + SIGNATURE_LINE + b"\n")
