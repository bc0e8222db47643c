"""The lab's task: small sums in words, with an integer to answer.

The items and their splits are made with the lab (`orchestrator/lab`) and lie in two files; nothing is
drawn or shuffled here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.jsonl import read_records
from evals.scorers import first_number_is
from evals.splits import DEV, TEST
from evals.task import Item, TaskError

_FIELDS = ("id", "prompt", "answer")


class ArithmeticTask:
    """Items of `dev.jsonl` and `test.jsonl` in one folder; the first number that is generated counts."""

    name = "lab"
    stop: Sequence[str] = ("\n",)

    def __init__(self, folder: Path, *, dev_items: int | None = None, test_items: int | None = None) -> None:
        """Read both files; with a size, keep that many from the start of the file.

        Raises:
            TaskError: a file is missing or malformed, or holds fewer items than asked for.
        """
        self._items = {
            DEV: _load(folder / "dev.jsonl", dev_items),
            TEST: _load(folder / "test.jsonl", test_items),
        }

    def items(self, split: str) -> Sequence[Item]:
        return self._items[split]

    def correct(self, item: Item, output: str) -> bool:
        return first_number_is(item.answer, output)


def _load(path: Path, size: int | None) -> tuple[Item, ...]:
    items = tuple(Item(**record) for record in read_records(path, _FIELDS))
    if not items or (size is not None and len(items) < size):
        raise TaskError(f"{path}: expected at least {size or 1} items, found {len(items)}")
    return items[:size]
