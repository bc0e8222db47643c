"""Judges one output against one reference answer. Never raises on any output.

Numbers are compared exactly, as normalised decimals in text, never as floats. LaTeX goes to math-verify in a process of
its own (`MathJudge`): that library bounds its time with signal alarms, which work in a main thread
only and cannot interrupt a long computation in C. A process can always be killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import threading
import weakref
from pathlib import Path

MAX_OUTPUT_CHARS = 20_000  # of the end of an output, that the judge of LaTeX sees
JUDGE_SECONDS = 20.0  # per answer; math-verify's own alarms (5 s per step) nearly always ring first
JUDGE_START_SECONDS = 120.0  # importing sympy on a busy machine

# A minus is a sign unless it follows something that can be subtracted from: "10-4" holds 10 and 4.
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.)\]])[-\u2212])?\$?"
    r"(?:(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?P<part>[0-9]+))?|\.(?P<only>[0-9]+))"
)
_MARK = "####"


class JudgeError(RuntimeError):
    """The judging process cannot be started: the platform's fault, never a wrong answer."""


def numbers(text: str) -> list[str]:
    """Return the numbers in a text, in order and normalised: no `,`, `$`, leading zeros or trailing `.0`."""
    return [_normalise(found) for found in _NUMBER.finditer(text)]


def _normalise(found: re.Match[str]) -> str:
    whole = (found["whole"] or "").replace(",", "").lstrip("0") or "0"
    part = (found["part"] or found["only"] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if found["sign"] and number != "0" else number


def first_number_is(answer: str, output: str) -> bool:
    """Whether the first number of the output is the answer, exactly."""
    found = numbers(output)
    return bool(found) and found[:1] == numbers(answer)[:1]


def final_number(text: str) -> str | None:
    """Return the number after the last `####` if there is one, otherwise the last number of the text."""
    head, mark, tail = text.rpartition(_MARK)
    marked = numbers(tail)[:1] if mark else []
    found = marked or numbers(head if mark else text)[-1:]
    return found[0] if found else None


def final_number_is(answer: str, output: str) -> bool:
    """Whether the output's final number is the answer, exactly."""
    found = final_number(output)
    return found is not None and found == final_number(answer)


class MathJudge:
    """Asks math-verify, in a child process, whether an output's final answer equals a reference in LaTeX.

    Thread-safe; answers are judged one at a time. An answer that takes longer than `seconds`, or that
    ends the child, is judged wrong and the child is replaced. Use `close` or let it be collected.
    """

    def __init__(self, *, seconds: float = JUDGE_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._finalizer: weakref.finalize[..., MathJudge] | None = None

    def equal(self, answer: str, output: str) -> bool:
        """Judge one output.

        Raises:
            JudgeError: math-verify cannot be started.
        """
        request = json.dumps({"answer": answer, "output": output[-MAX_OUTPUT_CHARS:]}).encode() + b"\n"
        with self._lock:
            child = self._child or self._start()
            verdict = _ask(child, request, self._seconds)
            if verdict not in (b"0\n", b"1\n"):
                self._stop()
            return verdict == b"1\n"

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._stop()

    def _start(self) -> subprocess.Popen[bytes]:
        script = Path(__file__).with_name("math_child.py")
        child = subprocess.Popen(  # noqa: S603  (our own script, our own interpreter)
            [sys.executable, "-I", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the parent to handle
        )
        self._child = child
        self._finalizer = weakref.finalize(self, _end, child)
        if _read_line(child, JUDGE_START_SECONDS) != b"ready\n":
            self._stop()
            raise JudgeError("the judge of LaTeX answers did not start: expected math-verify to be installed")
        return child

    def _stop(self) -> None:
        if self._finalizer is not None:
            self._finalizer()
        self._child = None


def _ask(child: subprocess.Popen[bytes], request: bytes, seconds: float) -> bytes:
    assert child.stdin is not None  # noqa: S101  (made with a pipe)
    try:
        child.stdin.write(request)
    except OSError:  # it died
        return b""
    return _read_line(child, seconds)


def _read_line(child: subprocess.Popen[bytes], seconds: float) -> bytes:
    """Return one short line, or nothing when the child is silent for too long or has ended."""
    assert child.stdout is not None  # noqa: S101  (made with a pipe)
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    return os.read(child.stdout.fileno(), 64) if ready else b""


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
