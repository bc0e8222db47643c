"""One checked file as the reports take it: its path, its bytes and the checker's result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from policies.checker import CheckResult, check
from policies.limits import MAX_SOURCE_BYTES
from policies.profiles import STRICT
from policies.source import lines_of

if TYPE_CHECKING:
    from policies.capabilities import Capabilities


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A file and what the checker says of it."""

    path: str
    source: bytes  # at most MAX_SOURCE_BYTES + 1 of them: enough to see that there are too many
    result: CheckResult
    profile: str

    @property
    def admitted(self) -> bool:
        return self.result.verdict == "admitted"

    @property
    def whole(self) -> bool:
        """Whether `source` is the whole file."""
        return len(self.source) <= MAX_SOURCE_BYTES

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines as Python counts them; what is not UTF-8 is shown as U+FFFD."""
        return lines_of(self.source.decode("utf-8", "replace").removeprefix("\ufeff"))

    @cached_property
    def capabilities(self) -> Capabilities | None:
        """What the program uses; None where it cannot be parsed."""
        from policies.capabilities import capabilities

        return capabilities(self.source, self.profile)

    def line(self, number: int) -> str:
        """Return a line's text, empty beyond the end: a parser's complaint may point there."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    @property
    def uri(self) -> str:
        """The path as a relative URI, or as an absolute one where it is outside the working directory."""
        relative = os.path.relpath(self.path)
        outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
        path = os.path.abspath(self.path) if outside else relative
        return ("file://" if outside else "") + quote(os.fsencode(path), safe="/")


def check_file(path: str, source: bytes, profile: str = STRICT) -> Checked:
    """Check a file's bytes.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    return Checked(path=path, source=source, result=check(source, profile), profile=profile)


def read(path: str) -> bytes:
    """Return a file's bytes, or one more of them than the checker admits.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb", opener=_opened) as file:
        return file.read(MAX_SOURCE_BYTES + 1)


def _opened(path: str, flags: int) -> int:
    """Open without waiting for somebody to write: a pipe that nobody writes to is empty."""
    fd = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd
