"""A witness behind HTTP, for a second host: one call, `POST /add-checkpoint`, answered by `witness.py`.

Bounded in every way that a stranger could stretch: bytes of a request, seconds of a connection, connections at once,
and of these a share for each address, so that one address alone cannot shut the others out; several together can.
There is no TLS here and nobody is authenticated: what is signed is checked, and what is not is refused. Put it behind
a proxy that ends TLS, or into a tunnel, where others share the network.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.ledger.note import encoded
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witness_protocol import CALL, HELD_HEADER, MAX_REQUEST_BYTES, Answer, refused

MAX_CONNECTIONS = 32
MAX_PER_ADDRESS = 8  # a proxy in front is one address
IDLE_SECONDS = 5.0  # between two reads
CONNECTION_SECONDS = 60.0  # of a connection, with all its requests
_BACKLOG = 32
_POLL_SECONDS = 0.2


class WitnessServer(ThreadingHTTPServer):
    """Listens, and hands requests to a witness, one at a time."""

    daemon_threads = True
    request_queue_size = _BACKLOG
    allow_reuse_address = True

    def __init__(self, host: str, port: int, witness: Witness, *, say: Callable[[str], None]) -> None:
        """Bind the address.

        Raises:
            UsageError: it cannot be had.
        """
        self.witness, self.say = witness, say
        self.one = threading.Lock()
        self._open = Counter[str]()  # connections by address
        self._counting = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen on {host}:{port}: {error}", remedy="pass --listen HOST:PORT") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or hang up where there are too many."""
        if not self._has_room(client_address[0]):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        hang_up = threading.Timer(CONNECTION_SECONDS, _hang_up, [request])
        hang_up.daemon = True
        hang_up.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            hang_up.cancel()
            with self._counting:
                self._open -= Counter([client_address[0]])  # those that reach zero are dropped

    def _has_room(self, address: str) -> bool:
        """Count one more connection of an address, unless there are too many."""
        with self._counting:
            if self._open.total() >= MAX_CONNECTIONS or self._open[address] >= MAX_PER_ADDRESS:
                return False
            self._open[address] += 1
            return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say it in one line: a connection that broke off is nothing unusual."""
        self.say(f"{client_address[0]}: the connection broke off")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "assay-witness", ""
    timeout = IDLE_SECONDS

    def do_POST(self) -> None:
        if self.path != CALL:
            self._answer(refused(HTTPStatus.NOT_FOUND, f"expected POST {CALL}"), close=True)
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._answer(refused(HTTPStatus.LENGTH_REQUIRED, "expected Content-Length"), close=True)
        elif len(length) > len(str(MAX_REQUEST_BYTES)) or int(length) > MAX_REQUEST_BYTES:
            why = f"expected at most {MAX_REQUEST_BYTES} bytes"
            self._answer(refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why), close=True)
        else:
            body = self.rfile.read(int(length))
            with self.server.one:
                answer = self.server.witness.add_checkpoint(body)
            self._answer(answer)

    def do_GET(self) -> None:
        self._answer(refused(HTTPStatus.METHOD_NOT_ALLOWED, f"expected POST {CALL}"), close=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Say what was asked and answered; the base class's form escapes nothing."""
        self.server.say(f"{self.client_address[0]}: {format % args}")

    def _answer(self, answer: Answer, *, close: bool = False) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.vouching:
            self.send_header(HELD_HEADER, encoded(answer.vouching))
        if close:  # what else the client sent is not read
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)


def serve(host: str, port: int, witness: Witness, *, say: Callable[[str], None]) -> None:
    """Answer until SIGTERM or Ctrl-C. Raises as `WitnessServer`."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with WitnessServer(host, port, witness, say=say) as server:
        try:
            signal.signal(signal.SIGTERM, stop)
            say(str(witness.key))
            say(f"listening on http://{f'[{host}]' if ':' in host else host}:{server.server_address[1]}")
            server.serve_forever(poll_interval=_POLL_SECONDS)
        except KeyboardInterrupt:
            say("stopped")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
