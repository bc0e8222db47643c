"""A task: items with a prompt and an answer, a rule for where an answer stops, and a scorer.

Tasks know nothing of models, programs or runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class TaskError(ValueError):
    """The items are missing, malformed, or fewer than asked for; the message says what and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question: the prompt as the model sees it, and the reference answer."""

    id: str
    prompt: str
    answer: str


class Task(Protocol):
    """A named collection of items and the judgement of one output."""

    @property
    def name(self) -> str: ...

    @property
    def stop(self) -> Sequence[str]:
        """Strings at which generation of an answer ends (besides the end-of-text token)."""
        ...

    def items(self, split: str) -> Sequence[Item]:
        """Items of `dev` or `test`, in a fixed order. The splits share no item."""
        ...

    def correct(self, item: Item, output: str) -> bool:
        """Judge the text that a model generated for the item. Never raises on any output."""
        ...
