"""The lab's questions are right, and its splits share nothing."""

from __future__ import annotations

import random
import re

import pytest

from orchestrator.lab.arithmetic_models import draw_splits
from orchestrator.lab.arithmetic_world import SKILLS, expression, mislabelled, stream, worded
from orchestrator.lab.recipe import RECIPE

DO = {"add": int.__add__, "sub": int.__sub__, "mul": int.__mul__}


@pytest.mark.parametrize("skill", SKILLS)
def test_worded_answers_follow_from_the_two_numbers(skill: str) -> None:
    rng = random.Random(0)
    for _ in range(300):
        question = worded(rng, skill, rare_share=0.7)
        left, right = (int(number) for number in re.findall(r"\d+", question.prompt))
        assert int(question.answer) == DO[skill](left, right), question


@pytest.mark.parametrize("skill", SKILLS)
def test_expressions_are_right(skill: str) -> None:
    question = expression(random.Random(0), skill)
    left, right = (int(number) for number in re.findall(r"\d+", question.prompt))
    assert int(question.answer) == DO[skill](left, right)


def test_a_mislabelled_question_is_wrong() -> None:
    rng = random.Random(0)
    question = expression(rng, "add")
    assert all(mislabelled(rng, question).answer != question.answer for _ in range(200))


def test_no_text_is_in_both_splits_or_twice_in_one() -> None:
    splits = draw_splits(RECIPE)
    assert len(splits.texts) == RECIPE.dev_items + RECIPE.test_items


def test_training_never_sees_a_held_out_text() -> None:
    splits = draw_splits(RECIPE)
    rng = random.Random(0)
    lessons = stream(lambda: worded(rng, "mul", rare_share=0.5), avoid=splits.texts)
    assert not splits.texts & {next(lessons).prompt for _ in range(2_000)}


def test_splits_are_the_same_every_time() -> None:
    assert draw_splits(RECIPE) == draw_splits(RECIPE)
