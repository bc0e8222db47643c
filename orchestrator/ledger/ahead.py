"""Checks batches in other processes, ahead of whoever reads a long log: forms, leaf hashes, signatures.

It only vouches (`commit.Vouched`): order, roots and what it did not get to are the reader's. When a helper dies,
the reader does its part too. A log of a million events is verified in two thirds of the time on two cores.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from orchestrator.ledger.commit import Raw, Vouched, Voucher, nobody, vouched_for
from orchestrator.ledger.entry import Place
from orchestrator.ledger.note import VerifierKey

_WORTH_BYTES = 16 * 1024 * 1024  # of a log: a smaller one is verified before the processes have started
_GROUP_BYTES = 512 * 1024
_SAFE_PATH = "PYTHONSAFEPATH"
_MAX_HELPERS = 4  # more than the reader can follow


def for_file(path: Path) -> Voucher:
    """Return what is worth its while for a log; only for programs whose main module can be imported again."""
    several = min(len(os.sched_getaffinity(0)), _MAX_HELPERS)
    return partial(_ahead, several) if several > 1 and path.stat().st_size >= _WORTH_BYTES else nobody


class _Helper:
    """Another process that does one group of batches at a time; one that is gone has vouched for nothing.

    No executor: Python 3.11's can wait for ever when a worker is killed while another one starts.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # the caller may have threads: those do not survive a fork
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_help, args=(theirs,), daemon=True)
        with _nothing_of_the_working_directory():
            self._process.start()
        theirs.close()
        self._group: list[Raw] = []

    def ask(self, group: list[Raw], place: Place) -> None:
        """Hand over a group, when the one before has been answered."""
        self._group = group
        try:
            self._connection.send((group, place.source, place.key))
        except OSError:
            self._connection.close()

    def answer(self) -> Iterator[tuple[Raw, Vouched]]:
        """Wait for the group; nothing, if none was asked for."""
        group, self._group = self._group, []
        vouched: list[Vouched] = []
        try:
            vouched = self._connection.recv() if group else []
        except (EOFError, OSError):
            self._connection.close()
        return zip(group, vouched or [Vouched()] * len(group), strict=True)

    def dismiss(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


@contextlib.contextmanager
def _nothing_of_the_working_directory() -> Iterator[None]:
    """Have Python start without it in its path: it may be a stranger's, with a module named as one of ours."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        os.environ.pop(_SAFE_PATH)
        if before is not None:
            os.environ[_SAFE_PATH] = before


def _ahead(count: int, raws: Iterator[Raw], place: Place) -> Iterator[tuple[Raw, Vouched]]:
    """Yield the batches with what the helpers vouch for: each has its turn, and computes until its next."""
    for first in raws:  # the first entry says whose key the others are under
        yield first, Vouched()
        break
    helpers = [_Helper() for _ in range(count)]
    collects = gc.isenabled()
    gc.disable()  # here as there: events hold no cycles, and looking for some takes a twentieth of the time
    try:
        turn = 0
        for turn, group in enumerate(_groups(raws), start=1):
            helper = helpers[turn % count]
            answered = helper.answer()
            helper.ask(group, place)
            yield from answered
        for later in range(turn + 1, turn + 1 + count):
            yield from helpers[later % count].answer()
    finally:
        if collects:
            gc.enable()
        for helper in helpers:
            helper.dismiss()


def _groups(raws: Iterator[Raw]) -> Iterator[list[Raw]]:
    group: list[Raw] = []
    for raw in raws:
        group.append(raw)
        if raw.end - group[0].begin >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _help(connection: Connection) -> None:
    """Answer until the reader is gone."""
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the reader's, who then dismisses its helpers
    while True:
        try:
            group, source, key = connection.recv()
            connection.send(_vouch(group, source, key))
        except (EOFError, OSError):
            return


def _vouch(group: list[Raw], source: str, key: VerifierKey | None) -> list[Vouched]:
    return [vouched_for(raw, source, key) for raw in group]
