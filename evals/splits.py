"""Who may see which items: splits fixed by digest, and the seal on the test split.

An item's place depends on the sha256 of (salt, id) alone, not on file order or on chance: dev takes
the items with the lowest digests, test those with the highest, and what lies between belongs to
neither (worked examples come from there). So a larger dev split never moves an item out of test.

The seal is a record, not a wall: code in this process could read the file itself. What it gives is
that the task handed to the search has no test items, and that every opening is counted and announced
before an item is returned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.task import Item, Task, TaskError

DEV = "dev"
TEST = "test"

OnOpen = Callable[[str, str, int], None]
"""Called with (reason, digest of the items, how many times opened with this one) before items are returned."""


class SealError(Exception):
    """The test split was asked for past its seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Disjoint parts of one pool of items, each in digest order."""

    dev: tuple[Item, ...]
    test: tuple[Item, ...]
    rest: tuple[Item, ...]


def text_id(text: str) -> str:
    """Return an item id (64 bits of sha256, hex) that depends on the question's text alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def split_by_digest(items: Sequence[Item], *, dev: int, test: int, salt: str) -> Splits:
    """Assign items to dev and test; items whose id occurred before are dropped (the first stays).

    Raises:
        TaskError: fewer distinct items than `dev + test`.
    """
    distinct = {item.id: item for item in reversed(items)}
    ranked = sorted(distinct.values(), key=lambda item: _rank(salt, item.id))
    if dev < 0 or test < 0 or dev + test > len(ranked):
        raise TaskError(f"expected at least {dev} dev + {test} test items, found {len(ranked)} distinct ones")
    end = len(ranked) - test
    return Splits(dev=tuple(ranked[:dev]), test=tuple(ranked[end:]), rest=tuple(ranked[dev:end]))


def _rank(salt: str, item_id: str) -> str:
    return hashlib.sha256(f"{salt}\0{item_id}".encode()).hexdigest()


def digest_of(items: Sequence[Item]) -> str:
    """Return sha256 (hex) over the items in order: one line of JSON `[id, prompt, answer]` each."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(json.dumps([item.id, item.prompt, item.answer], separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


class DevOnly:
    """A task as the search may see it: the same but for its test split, which it does not hold."""

    def __init__(self, task: Task) -> None:
        self._dev = tuple(task.items(DEV))
        self._correct = task.correct
        self._name = task.name
        self._stop = tuple(task.stop)

    @property
    def name(self) -> str:
        return self._name

    @property
    def stop(self) -> Sequence[str]:
        return self._stop

    def items(self, split: str) -> Sequence[Item]:
        """Return the dev items.

        Raises:
            SealError: any other split was asked for.
        """
        if split != DEV:
            raise SealError(f"split {split!r} is sealed: expected {DEV!r}; the test split is opened by Sealed.open")
        return self._dev

    def correct(self, item: Item, output: str) -> bool:
        return self._correct(item, output)


class Sealed:
    """A task whose test items come out only through `open`, which counts and announces each opening."""

    def __init__(self, task: Task, *, on_open: OnOpen) -> None:
        self._test = tuple(task.items(TEST))
        self._on_open = on_open
        self._openings = 0
        self.search = DevOnly(task)
        overlap = {item.id for item in self.dev} & {item.id for item in self._test}
        if overlap:
            raise TaskError(f"item {min(overlap)}: expected in one split, found in dev and in test")

    @property
    def dev(self) -> Sequence[Item]:
        """The items that steer the search."""
        return self.search.items(DEV)

    @property
    def openings(self) -> int:
        return self._openings

    @property
    def test_size(self) -> int:
        return len(self._test)

    @property
    def test_digest(self) -> str:
        """Commits to the test items without showing them: record it before the search starts."""
        return digest_of(self._test)

    def open(self, reason: str) -> Sequence[Item]:
        """Return the test items, after `on_open` returned; if it raises, nothing is returned."""
        self._openings += 1
        self._on_open(reason, self.test_digest, self._openings)
        return self._test
