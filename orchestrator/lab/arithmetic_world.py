"""The lab's arithmetic: three skills, worded questions, and splits that share no text.

Pure text and numbers; nothing here knows of models. Each skill has two *common* wordings, which the base
model learns, and several *rare* ones, which only that skill's expert sees often. Rare wordings of
different skills share sentence frames, so that an expert's habit misleads it on the other skills.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

SKILLS = ("add", "sub", "mul")
SIGNS = {"add": "+", "sub": "-", "mul": "*"}
NAMES = ("Tom", "Ana", "Eve", "Max", "Lia", "Sam")
MAX_LEFT = 49  # of sums and differences: the smaller, the sooner a tiny model has them by heart
THINGS = ("pens", "cups", "eggs", "nuts", "maps", "figs", "keys", "toys")

COMMON = {
    "add": ("{name} has {a} {thing} and gets {b} more. Total?", "{name} asks: {a} {thing} plus {b}?"),
    "sub": ("{name} has {a} {thing} and gives {b} away. Left?", "{name} asks: {a} {thing} minus {b}?"),
    "mul": ("{name} has {a} bags of {b} {thing}. Total?", "{name} asks: {a} {thing} times {b}?"),
}
RARE = {
    "add": (
        "{name} has {a} {thing} and finds {b}. Now?",
        "{name} has {a} {thing} and buys {b}. Now?",
        "{name} with {a} {thing} wins {b}. Result?",
        "A box of {a} {thing} gains {b}. Now?",
        "With {a} {thing} here {b} arrive. Now?",
        "{name} raises {a} {thing} by {b}.",
    ),
    "sub": (
        "{name} has {a} {thing} and loses {b}. Now?",
        "{name} has {a} {thing} and sells {b}. Now?",
        "{name} with {a} {thing} eats {b}. Result?",
        "A box of {a} {thing} spills {b}. Now?",
        "With {a} {thing} here {b} leave. Now?",
        "{name} lowers {a} {thing} by {b}.",
    ),
    "mul": (
        "{name} has {a} crates and fills each with {b} {thing}. Now?",
        "{name} has {a} {thing} and needs {b} times that. Now?",
        "{name} with {a} {thing} copies all {b} times. Result?",
        "A box of {a} {thing} grows {b} fold. Now?",
        "With {a} {thing} per row {b} rows. Now?",
        "{name} scales {a} {thing} by {b}.",
    ),
}
_ANSWER: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its exact answer; `skill` is for measuring and is not written to the splits."""

    skill: str
    prompt: str
    answer: str


def expression(rng: random.Random, skill: str) -> Question:
    """Return a bare expression such as `12 + 3 =`."""
    a, b = _operands(rng, skill)
    return Question(skill=skill, prompt=f"{a} {SIGNS[skill]} {b} =", answer=str(_ANSWER[skill](a, b)))


def worded(rng: random.Random, skill: str, *, rare_share: float) -> Question:
    """Return a worded question, with a rare wording at the given rate."""
    wordings = RARE if rng.random() < rare_share else COMMON
    a, b = _operands(rng, skill)
    prompt = rng.choice(wordings[skill]).format(a=a, b=b, name=rng.choice(NAMES), thing=rng.choice(THINGS))
    return Question(skill=skill, prompt=prompt, answer=str(_ANSWER[skill](a, b)))


def held_out(rng: random.Random, count: int, *, rare_share: float, used: Collection[str]) -> list[Question]:
    """Return `count` questions, skills in turn, whose texts differ from each other and from `used`."""
    questions: dict[str, Question] = {}
    while len(questions) < count:
        question = worded(rng, SKILLS[len(questions) % len(SKILLS)], rare_share=rare_share)
        if question.prompt not in used:
            questions.setdefault(question.prompt, question)
    return list(questions.values())


def mislabelled(rng: random.Random, question: Question) -> Question:
    """Return the same question with a wrong answer, of the kind a careless worker would write."""
    wrong = int(question.answer)
    while str(wrong) == question.answer:
        wrong = max(0, int(question.answer) + rng.choice((-20, -11, -10, -9, -3, -2, -1, 1, 2, 3, 9, 10, 11, 20)))
    return Question(skill=question.skill, prompt=question.prompt, answer=str(wrong))


def stream(draw: Callable[[], Question], *, avoid: Collection[str]) -> Iterator[Question]:
    """Yield training questions for ever, leaving out every held-out text."""
    while True:
        question = draw()
        if question.prompt not in avoid:
            yield question


def _operands(rng: random.Random, skill: str) -> tuple[int, int]:
    if skill == "mul":
        return rng.randint(2, 12), rng.randint(2, 9)
    return rng.randint(10, MAX_LEFT), rng.randint(1, 9)
