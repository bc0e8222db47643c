"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): word problems whose worked answer ends in `#### N`.

Reads the official JSONL files. Both splits are cut from the one file that is named, so that a search
never needs the official test file; name that file to score on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from evals.jsonl import read_records
from evals.scorers import final_number, final_number_is
from evals.splits import DEV, TEST, split_by_digest, text_id
from evals.task import Item, TaskError

SALT = "assay-gsm8k-1"  # a new salt is a new split: results of the two must not be compared

_CALCULATOR = re.compile(r"<<[^<>]*>>")  # marks for a tool that the models here do not have


class Gsm8kTask:
    """GSM8K with worked examples before each question; the output's final number counts."""

    name = "gsm8k"
    stop: Sequence[str] = ("\nQuestion:", "\n\n\n")

    def __init__(self, path: Path, *, dev_items: int, test_items: int, shots: int = 0) -> None:
        """Read the file and fix the splits; the examples come from items of neither split.

        Raises:
            TaskError: unreadable, malformed, or too few items.
        """
        records = read_records(path, ("question", "answer"))
        solutions = {text_id(record["question"]): record["answer"] for record in reversed(records)}
        items = [_item(record, path) for record in records]
        splits = split_by_digest(items, dev=dev_items, test=test_items, salt=SALT)
        if len(splits.rest) < shots:
            raise TaskError(f"{path}: expected {shots} items outside dev and test to show, found {len(splits.rest)}")
        examples = "".join(
            f"{item.prompt} {_CALCULATOR.sub('', solutions[item.id])}\n\n" for item in splits.rest[:shots]
        )
        self._items = {
            DEV: tuple(_after(examples, item) for item in splits.dev),
            TEST: tuple(_after(examples, item) for item in splits.test),
        }

    def items(self, split: str) -> Sequence[Item]:
        return self._items[split]

    def correct(self, item: Item, output: str) -> bool:
        return final_number_is(item.answer, output)


def _item(record: dict[str, str], path: Path) -> Item:
    question, worked = record["question"], record["answer"]
    answer = final_number(worked) if "####" in worked else None
    if answer is None:
        raise TaskError(f"{path}: expected an answer that ends in `#### N`, found {worked[-40:]!r}")
    return Item(id=text_id(question), prompt=f"Question: {question}\nAnswer:", answer=answer)


def _after(examples: str, item: Item) -> Item:
    return Item(id=item.id, prompt=examples + item.prompt, answer=item.answer)
