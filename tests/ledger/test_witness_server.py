"""The witness behind HTTP: real requests to a real process."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestrator.errors import UsageError
from orchestrator.ledger.cosignature import require_cosigned
from orchestrator.ledger.note import parse
from orchestrator.ledger.witness_protocol import MAX_REQUEST_BYTES
from orchestrator.ledger.witness_server import IDLE_SECONDS, MAX_CONNECTIONS, MAX_PER_ADDRESS, WitnessServer
from orchestrator.ledger.witnesses import TIMEOUT_SECONDS
from tests.ledger.witness_process import Served, served
from tests.ledger.witnessed import Log, make_witness

LOG = Log(7)


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("witness")
    make_witness(folder)
    with served(folder, str(LOG.key)) as running:
        yield running


def post(
    witness: Served, body: bytes, *, path: str = "/add-checkpoint", method: str = "POST"
) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(urlsplit(witness.url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    finally:
        connection.close()


def raw(witness: Served, data: bytes) -> bytes:
    parts = urlsplit(witness.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(data)
        return connection.recv(4096)


def test_the_protocol_s_statuses_over_http(witness: Served) -> None:
    status, _, body = post(witness, LOG.request(0, size=5))
    assert status == 200
    (line,) = parse(LOG.note(5).checkpoint.text() + b"\n" + body).signatures
    require_cosigned(LOG.note(5).checkpoint, line, witness.key)
    assert post(witness, LOG.request(0)) == (409, "text/x.tlog.size", b"5\n")
    assert post(witness, LOG.request(5, proof=[]))[0] == 422
    assert post(witness, LOG.request(5))[0] == 200
    assert post(witness, LOG.request(9, proof=[]))[0] == 400
    assert post(witness, Log(3, origin="assay/other/x").request(0))[0] == 404
    assert post(witness, Log(9).request(7))[0] == 403
    assert post(witness, b"")[0] == 400


def test_one_connection_serves_several_requests(witness: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(witness.url).netloc, timeout=TIMEOUT_SECONDS)
    for _ in range(3):
        connection.request("POST", "/add-checkpoint", b"nonsense")
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (400, True)
    connection.close()


def test_there_is_one_call(witness: Served) -> None:
    assert post(witness, b"", path="/")[0] == 404
    assert post(witness, b"", path="/add-checkpoint/")[0] == 404
    assert post(witness, b"", method="GET")[0] == 405
    assert post(witness, b"", method="PUT")[0] == 501


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: %d" % (MAX_REQUEST_BYTES + 1), b"413"),
        (b"Content-Length: 99999999999999999999999999", b"413"),
        (b"Content-Length: -1", b"411"),
        (b"Content-Length: 0x10", b"411"),
        (b"X: y", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"411"),
    ],
)
def test_a_body_whose_end_is_not_known_or_far_is_not_read(witness: Served, head: bytes, status: bytes) -> None:
    answer = raw(witness, b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
    assert answer.split(b" ")[1] == status
    assert b"Connection: close" in answer


def test_too_many_connections_are_hung_up_on_and_the_others_are_served(witness: Served) -> None:
    parts = urlsplit(witness.url)
    idle = [socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) for _ in range(40)]
    assert idle[-1].recv(1) == b""
    for connection in idle:
        connection.close()
    assert post(witness, LOG.request(0))[0] == 409


def test_one_address_cannot_shut_the_others_out(witness: Served) -> None:
    parts = urlsplit(witness.url)
    at = (parts.hostname or "", parts.port or 0)
    idle = [socket.create_connection(at, timeout=5) for _ in range(MAX_CONNECTIONS + 8)]
    assert idle[MAX_PER_ADDRESS].recv(1) == b""
    with socket.create_connection(at, timeout=5, source_address=("127.0.0.2", 0)) as other:
        other.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1\r\n\r\nx")
        assert other.recv(4096).split(b" ")[1] == b"400"
    for connection in idle:
        connection.close()


def test_a_connection_that_says_nothing_is_ended(witness: Served) -> None:
    parts = urlsplit(witness.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=IDLE_SECONDS + 3) as idle:
        assert idle.recv(1) == b""


def test_an_address_that_is_taken_is_a_mistake_of_the_user(witness: Served, tmp_path: Path) -> None:
    parts = urlsplit(witness.url)
    with pytest.raises(UsageError, match="cannot listen"):
        WitnessServer(parts.hostname or "", parts.port or 0, make_witness(tmp_path / "w"), say=print)


def test_it_ends_on_sigterm(tmp_path: Path) -> None:
    make_witness(tmp_path / "w", str(LOG.key))
    with served(tmp_path / "w") as running:
        pass
    assert running.process.returncode == 0
