"""Checks batches in other processes, ahead of whoever reads a long log: forms, leaf hashes, signatures.

It only vouches (`commit.Vouched`): order, roots and what it did not get to are the reader's. A log of a million
events is verified in about half the time on two cores.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

from orchestrator.ledger.commit import Raw, Vouched, Voucher, nobody, vouched_for
from orchestrator.ledger.entry import Place
from orchestrator.ledger.note import VerifierKey

_WORTH_BYTES = 16 * 1024 * 1024  # of a log: a smaller one is verified before the processes have started
_GROUP_BYTES = 512 * 1024
_MAX_PROCESSES = 4  # more than the reader can follow

_Answer = Callable[[], list[Vouched]]


def for_file(path: Path) -> Voucher:
    """Return what is worth its while for a log; only for programs whose main module can be imported again."""
    several = min(len(os.sched_getaffinity(0)), _MAX_PROCESSES)
    return partial(_ahead, several) if several > 1 and path.stat().st_size >= _WORTH_BYTES else nobody


def _ahead(processes: int, raws: Iterator[Raw], place: Place) -> Iterator[tuple[Raw, Vouched]]:
    """Yield the batches with what other processes vouch for."""
    for first in raws:  # the first entry says whose key the others are under
        yield first, Vouched()
        break
    context = multiprocessing.get_context("spawn")  # the caller may have threads: those do not survive a fork
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts) as pool:
        under_way: deque[tuple[list[Raw], _Answer]] = deque()
        for group in _groups(raws):
            under_way.append((group, _asked(pool, group, place)))
            if len(under_way) > 2 * processes:
                yield from _answered(*under_way.popleft())
        for group, answer in under_way:
            yield from _answered(group, answer)


def _asked(pool: Executor, group: list[Raw], place: Place) -> _Answer:
    try:
        return pool.submit(_vouch, group, place.source, place.key).result
    except BrokenExecutor:
        return list


def _answered(group: list[Raw], answer: _Answer) -> Iterator[tuple[Raw, Vouched]]:
    try:
        vouched = answer()
    except BrokenExecutor:  # one was killed, perhaps for its memory: the reader does without them
        vouched = []
    return zip(group, vouched or [Vouched()] * len(group), strict=True)


def _groups(raws: Iterator[Raw]) -> Iterator[list[Raw]]:
    group: list[Raw] = []
    for raw in raws:
        group.append(raw)
        if raw.end - group[0].begin >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _vouch(group: list[Raw], source: str, key: VerifierKey | None) -> list[Vouched]:
    return [vouched_for(raw, source, key) for raw in group]


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the reader's, who ends these with itself
