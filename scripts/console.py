"""What set-up says while it works: numbered steps, elapsed seconds, the last line of a long command.

On a terminal one live line per step; elsewhere plain lines, no more than one every few seconds.
Nothing here knows what the steps do.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TextIO

LIVE_REFRESH_SECONDS = 0.2
PLAIN_REFRESH_SECONDS = 10.0
PLAIN_COLUMNS = 120
TAIL_LINES = 15  # shown of a command that failed
STOP_SECONDS = 10.0  # a child's time to end after being asked, before it is killed
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class SetupError(Exception):
    """A step cannot be done: what is missing, and the command or setting that mends it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class CommandError(Exception):
    """A command ended with an error, or said nothing for too long; `tail` is the end of its output."""

    def __init__(self, command: Sequence[str], code: int | None, tail: Sequence[str]) -> None:
        super().__init__(
            f"{os.path.basename(command[0])} {'gave no answer' if code is None else f'exited with {code}'}"
        )
        self.tail = tuple(tail)

    @property
    def last_line(self) -> str:
        """What it said last, for a one-sentence message."""
        return self.tail[-1] if self.tail else str(self)


class Console:
    """Prints steps and runs commands below them."""

    def __init__(self, stream: TextIO = sys.stdout, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._total = 0
        self._number = 0
        self._title = ""
        self._began = 0.0
        self._printed = 0.0

    def plan(self, steps: int) -> None:
        """Set the total that the step counter shows."""
        self._total = steps

    def step(self, title: str) -> None:
        """Begin the next step; its last line is printed by `done`."""
        self._number += 1
        self._title = title
        self._began = self._printed = self._clock()

    def done(self, result: str) -> None:
        """Close the step with what came of it."""
        self._line(f"{self._head()}: {result} ({self._elapsed():.1f} s)")

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._line(f"{self._head()}: {text}")

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        feed: Callable[[IO[bytes]], None] | None = None,
        first_line_seconds: float | None = None,
        let_finish: bool = False,
    ) -> list[str]:
        """Run a command, showing its last line; return the tail of its output.

        `feed` writes the command's stdin. With `let_finish`, Ctrl-C waits for the command (package
        managers must not be cut off); otherwise it and its children are ended.

        Raises:
            CommandError: exit status not 0, or no output within `first_line_seconds`.
        """
        words = [os.fspath(word) for word in command]
        process = subprocess.Popen(  # noqa: S603  (commands are this folder's own)
            words,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C reaches it through us, whole
        )
        feed_errors: list[Exception] = []
        if feed:
            threading.Thread(target=_feed, args=(feed, process, feed_errors), daemon=True).start()
        lines: queue.Queue[str | None] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            tail = self._follow(process, lines, first_line_seconds)
        except KeyboardInterrupt:
            if let_finish:
                self.say(f"interrupted: waiting for {os.path.basename(words[0])} to finish")
                process.wait()
            raise
        finally:
            _end(process)
            reader.join(STOP_SECONDS)  # ends with the pipe; whoever left the group may still hold that
        if tail is None or process.returncode != 0:
            raise CommandError(words, None if tail is None else process.returncode, tail or [])
        if feed_errors:  # it was content with what it got, but it did not get all
            raise CommandError(words, 0, [str(feed_errors[0])])
        return tail

    def _follow(
        self, process: subprocess.Popen[bytes], lines: queue.Queue[str | None], first_line_seconds: float | None
    ) -> list[str] | None:
        """Show output until it ends; None where the first line did not come in time."""
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        began = self._clock()
        while True:
            try:
                line = lines.get(timeout=LIVE_REFRESH_SECONDS)
            except queue.Empty:
                if not tail and first_line_seconds and self._clock() - began > first_line_seconds:
                    return None
                self._progress(tail)
                continue
            if line is None:
                process.wait()
                return list(tail)
            tail.append(line)
            self._progress(tail)

    def _progress(self, tail: Sequence[str]) -> None:
        every = LIVE_REFRESH_SECONDS if self._live else PLAIN_REFRESH_SECONDS
        if self._clock() - self._printed < every:
            return
        self._printed = self._clock()
        width = shutil.get_terminal_size().columns - 1 if self._live else PLAIN_COLUMNS
        text = f"{self._head()}: {self._elapsed():.0f} s  {tail[-1] if tail else ''}".rstrip()[:width]
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(("\r\x1b[K" if self._live else "") + text + "\n")
        self._stream.flush()
        self._printed = self._clock()

    def _head(self) -> str:
        counter = f"[{self._number}/{self._total}] " if self._total else ""
        return f"{counter}{self._title}"

    def _elapsed(self) -> float:
        return self._clock() - self._began


def quiet(command: Sequence[str | os.PathLike[str]], *, env: Mapping[str, str] | None = None) -> str | None:
    """Run a short command and return its output, stripped; None where it fails or is not there."""
    try:
        result = subprocess.run(  # noqa: S603
            [os.fspath(word) for word in command],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.decode(errors="replace").strip()


def last_line(path: Path) -> str:
    """Return the last line of a log, or an empty string."""
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


def _read(process: subprocess.Popen[bytes], lines: queue.Queue[str | None]) -> None:
    """Put each line (progress bars end theirs with a carriage return) into the queue, then None."""
    assert process.stdout is not None  # noqa: S101  (asked for with PIPE)
    with process.stdout as output:
        for raw in output:
            text = CONTROL.sub("", raw.decode(errors="replace").rstrip().split("\r")[-1]).strip()
            if text:
                lines.put(text)
    lines.put(None)


def _feed(feed: Callable[[IO[bytes]], None], process: subprocess.Popen[bytes], errors: list[Exception]) -> None:
    assert process.stdin is not None  # noqa: S101  (asked for with PIPE)
    try:
        with process.stdin as stream:
            feed(stream)
    except (OSError, subprocess.CalledProcessError) as error:  # a broken pipe: its exit status says why
        errors.append(error)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no child behind: ask its whole group to end, then make it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
