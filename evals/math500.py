r"""MATH-500 (Hendrycks et al. 2021, arXiv 2103.03874; split of Lightman et al. 2023): LaTeX answers.

Reads JSONL with `problem` and `answer`. math-verify judges equality, so `\frac12`, `0.5` and `1/2` are
the same answer. The worked examples show answers only: the file holds no solutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.jsonl import read_records
from evals.scorers import MathJudge
from evals.splits import DEV, TEST, split_by_digest, text_id
from evals.task import Item, TaskError

SALT = "assay-math500-1"  # a new salt is a new split: results of the two must not be compared


class Math500Task:
    r"""MATH problems; the content of the output's last `\boxed{}` counts, or else its last expression."""

    name = "math500"
    stop: Sequence[str] = ("\nProblem:", "\n\n\n")

    def __init__(self, path: Path, *, dev_items: int, test_items: int, shots: int = 0) -> None:
        """Read the file and fix the splits; the examples come from items of neither split.

        Raises:
            TaskError: unreadable, malformed, or too few items.
        """
        items = [
            Item(
                id=text_id(record["problem"]),
                prompt=f"Problem: {record['problem']}\nAnswer:",
                answer=record["answer"],
            )
            for record in read_records(path, ("problem", "answer"))
        ]
        splits = split_by_digest(items, dev=dev_items, test=test_items, salt=SALT)
        if len(splits.rest) < shots:
            raise TaskError(f"{path}: expected {shots} items outside dev and test to show, found {len(splits.rest)}")
        examples = "".join(f"{item.prompt} $\\boxed{{{item.answer}}}$\n\n" for item in splits.rest[:shots])
        self._items = {
            DEV: tuple(_after(examples, item) for item in splits.dev),
            TEST: tuple(_after(examples, item) for item in splits.test),
        }
        self._judge = MathJudge()

    def items(self, split: str) -> Sequence[Item]:
        return self._items[split]

    def correct(self, item: Item, output: str) -> bool:
        """Judge one output.

        Raises:
            JudgeError: the judging process cannot be started.
        """
        return self._judge.equal(item.answer, output)


def _after(examples: str, item: Item) -> Item:
    return Item(id=item.id, prompt=examples + item.prompt, answer=item.answer)
