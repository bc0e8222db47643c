"""Requests to a witness: one form, bounded, and no other."""

from __future__ import annotations

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.witness_protocol import MAX_REQUEST_BYTES, Answer, Request, conflict, parse_request
from tests.ledger.witnessed import Log

NOTE = Log(3).note().render()


def test_a_request_is_old_size_proof_empty_line_and_note() -> None:
    request = Request(old=2, proof=(bytes(32), b"\xff" * 32), note=NOTE)
    first = b"old 2\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n//////////////////////////////////////////8=\n\n"
    assert request.render() == first + NOTE
    assert parse_request(request.render()) == request


def test_a_request_without_proof_has_an_empty_line_after_the_size() -> None:
    request = Request(old=0, proof=(), note=NOTE)
    assert request.render() == b"old 0\n\n" + NOTE
    assert parse_request(request.render()) == request


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"old\n\n",
        b"old 01\n\n",
        b"old -1\n\n",
        b"old +1\n\n",
        b"Old 1\n\n",
        b"old  1\n\n",
        b"old 1 \n\n",
        b"old 1\r\n\r\n",
        b"old 99999999999999999\n\n",
        "old \u0661\n\n".encode(),
        b"old 1\nAAAA\n\n",
        b"old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n",
        b"old 1\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n",
        b"old 1\n" + b"x" * MAX_REQUEST_BYTES,
    ],
)
def test_another_form_is_refused(head: bytes) -> None:
    with pytest.raises(LedgerError):
        parse_request(head + NOTE)


def test_the_size_that_is_held_is_read_back_and_nothing_else_is() -> None:
    assert conflict(12).held == 12
    assert Answer(status=409, body=b"twelve\n").held is None
    assert Answer(status=409, body=b"12").held is None
    assert Answer(status=422, body=b"12\n").held is None
