"""Making ahead: as many as announced, each handed out once, nothing left over."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from orchestrator.errors import SandboxError
from orchestrator.sandbox.pool import Pool


class Maker:
    """Makes numbers and keeps account of them."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.made: list[int] = []
        self.dropped: list[int] = []

    def make(self) -> int:
        with self._lock:
            self.made.append(next(self._numbers))
            return self.made[-1]

    def pool(self, size: int = 2) -> Pool[int]:
        return Pool(make=self.make, drop=self.dropped.append, size=size)


def test_nothing_is_made_ahead_that_was_not_announced() -> None:
    maker = Maker()
    pool = maker.pool()
    pool.take()
    pool.close()
    assert (maker.made, maker.dropped) == ([0], [])


def test_each_is_handed_out_once_and_all_are_used() -> None:
    maker = Maker()
    pool = maker.pool()
    pool.expect(20)
    taken = [pool.take() for _ in range(20)]
    pool.close()
    assert sorted(taken) == sorted(maker.made) == list(range(20))
    assert maker.dropped == []


def test_what_was_made_ahead_in_vain_is_dropped() -> None:
    maker = Maker()
    pool = maker.pool()
    pool.expect(20)
    taken = pool.take()
    pool.close()
    assert sorted([taken, *maker.dropped]) == sorted(maker.made)


def test_no_more_than_its_size_is_made_ahead() -> None:
    maker = Maker()
    pool = maker.pool(size=3)
    pool.expect(50)
    pool.take()
    pool.close()
    assert len(maker.made) <= 4


def test_a_failure_ahead_is_raised_to_whoever_takes_it() -> None:
    def fail() -> int:
        raise SandboxError("no engine")

    pool = Pool(make=fail, drop=lambda _: None, size=1)
    pool.expect(3)
    for _ in range(3):
        with pytest.raises(SandboxError, match="no engine"):
            pool.take()
    pool.close()


def test_a_closed_pool_hands_out_nothing() -> None:
    pool = Maker().pool()
    pool.close()
    pool.close()
    with pytest.raises(SandboxError, match="closed"):
        pool.take()


def settled(pool: Pool[int]) -> None:
    """Wait until all that is ahead has been made."""
    deadline = time.monotonic() + 5
    while not all(future.done() for future in pool._ahead):
        assert time.monotonic() < deadline


def test_what_is_of_no_use_any_more_is_dropped_and_not_handed_out() -> None:
    maker, gone = Maker(), set[int]()
    pool = Pool(make=maker.make, drop=maker.dropped.append, size=2, usable=lambda number: number not in gone)
    pool.expect(4)
    first = pool.take()
    settled(pool)
    gone |= set(maker.made) - {first}
    assert len(gone) == 2
    assert pool.take() not in gone
    pool.close()
    assert gone <= set(maker.dropped)


def test_what_failed_ahead_is_passed_over() -> None:
    def make() -> str:
        if (name := threading.current_thread().name).startswith("warm"):
            raise SandboxError("no engine just then")
        return name

    pool = Pool(make=make, drop=lambda _: None, size=2)
    pool.expect(3)
    assert [pool.take() for _ in range(3)] == [threading.current_thread().name] * 3
    pool.close()


def test_closing_drops_all_even_where_one_cannot_be_dropped() -> None:
    maker = Maker()

    def drop(number: int) -> None:
        maker.dropped.append(number)
        raise SandboxError("no engine")

    pool = Pool(make=maker.make, drop=drop, size=2)
    pool.expect(9)
    first = pool.take()
    settled(pool)
    with pytest.raises(SandboxError, match="no engine"):
        pool.close()
    assert sorted([first, *maker.dropped]) == sorted(maker.made)
    assert len(maker.dropped) == 2
