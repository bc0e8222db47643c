"""Takes a container's output apart while it streams: stdout, stderr, messages; all of it bounded.

Bytes beyond the caps are counted and hashed, never kept. Nothing here believes a message; `failure.py`
says what each may explain.
"""

from __future__ import annotations

import hashlib

from orchestrator.credentials import shown
from sandbox_image.protocol import MAX_MESSAGE_BYTES, MESSAGE_PREFIX, Message, ProtocolError, decode_message

KEPT_BYTES = 64 * 1024  # of each stream
FLOOD_BYTES = 1024 * 1024  # of both together: beyond it the container is killed
MAX_MESSAGES = 64  # a runner sends three, a cell one per program and is asked one at a time
_HEADER_BYTES = 8  # the engine's frame: stream number, three zeros, length (big-endian)
_STDOUT, _STDERR = 1, 2


class Capture:
    """One stream: the first bytes of it, and the digest and count of all."""

    def __init__(self, cap: int = KEPT_BYTES) -> None:
        self._cap = cap
        self._kept = bytearray()
        self._sha256 = hashlib.sha256()
        self.total = 0
        self.truncated = False

    def count(self, data: bytes) -> None:
        """Take raw bytes into digest and count."""
        self._sha256.update(data)
        self.total += len(data)

    def keep(self, data: bytes) -> None:
        """Keep bytes as far as the cap allows."""
        room = self._cap - len(self._kept)
        self._kept += data[:room]
        self.truncated = self.truncated or len(data) > room

    def drop_newline(self) -> None:
        """Take back the newline that a message put before itself."""
        if not self.truncated and self._kept.endswith(b"\n"):
            del self._kept[-1]

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def text(self) -> str:
        """What was kept, fit for a terminal or a log, at most the cap in characters."""
        return shown(self._kept.decode("utf-8", "backslashreplace"), self._cap, keep="\n\t")


class Streams:
    """Everything that one container says.

    Feed it the bytes of the engine's attached connection, or take stdout and stderr to it where they come apart.
    """

    def __init__(self) -> None:
        self.stdout = Capture()
        self.stderr = Capture()
        self.messages: list[Message] = []
        self.malformed = ""  # why the first unreadable message was unreadable
        self._frame = bytearray()
        self._left = 0  # bytes of the current frame's payload still to come
        self._stream = 0
        self._line = bytearray()  # the beginning of a line that may be a message
        self._inside = False  # in a line that is no message

    @property
    def flooded(self) -> bool:
        return self.stdout.total + self.stderr.total > FLOOD_BYTES or len(self.messages) > MAX_MESSAGES

    @property
    def truncated(self) -> bool:
        return self.stdout.truncated or self.stderr.truncated

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection: frames of a header and a payload, cut anywhere."""
        view = memoryview(data)
        while view:
            if self._left == 0:
                need = _HEADER_BYTES - len(self._frame)
                self._frame += view[:need]
                view = view[need:]
                if len(self._frame) == _HEADER_BYTES:
                    self._stream, self._left = self._frame[0], int.from_bytes(self._frame[4:], "big")
                    self._frame.clear()
                continue
            payload = bytes(view[: self._left])
            view = view[len(payload) :]
            self._left -= len(payload)
            if self._stream == _STDERR:
                self.take_stderr(payload)
            elif self._stream == _STDOUT:
                self.take_stdout(payload)

    def take_stdout(self, data: bytes) -> None:
        """Take the next bytes of stdout, cut anywhere: text of the program, and messages."""
        self.stdout.count(data)
        for line in _lines(data):
            self._piece(line)

    def take_stderr(self, data: bytes) -> None:
        """Take the next bytes of stderr, cut anywhere."""
        self.stderr.count(data)
        self.stderr.keep(data)

    def finish(self) -> None:
        """The connection ended: what is left of a line is text."""
        if self._line:
            self._text()

    def take_messages(self) -> list[Message]:
        """Return the messages so far and forget them."""
        messages, self.messages = self.messages, []
        return messages

    def _piece(self, piece: bytes) -> None:
        """Take a piece that ends with a newline or at the end of what has come so far."""
        if self._inside:
            self.stdout.keep(piece)
            self._inside = not piece.endswith(b"\n")
            return
        self._line += piece
        may_be = self._line.startswith(MESSAGE_PREFIX) or MESSAGE_PREFIX.startswith(bytes(self._line))
        if not may_be or len(self._line) > MAX_MESSAGE_BYTES:
            if may_be:
                self.malformed = self.malformed or f"a message of more than {MAX_MESSAGE_BYTES} bytes"
            self._text()
        elif self._line.endswith(b"\n"):
            self._message(bytes(self._line))
            self._line.clear()

    def _text(self) -> None:
        self.stdout.keep(bytes(self._line))
        self._inside = not self._line.endswith(b"\n")
        self._line.clear()

    def _message(self, line: bytes) -> None:
        self.stdout.drop_newline()
        try:
            self.messages.append(decode_message(line))
        except ProtocolError as error:
            self.malformed = self.malformed or shown(str(error))


def _lines(data: bytes) -> list[bytes]:
    """Split after newlines only (`bytes.splitlines` also splits at carriage returns)."""
    parts = data.split(b"\n")
    pieces = [part + b"\n" for part in parts[:-1]]
    return [*pieces, parts[-1]] if parts[-1] else pieces
