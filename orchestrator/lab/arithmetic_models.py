"""Makes the arithmetic half of the lab: splits, tokenizer, base, seed and three experts.

The steps, in `make`:
 1. draw the held-out splits;
 2. train the tokenizer;
 3. train the base, first on bare expressions, then on words;
 4. spoil the base into the seed: half of its lessons are wrong;
 5. strike and tune the base into three experts, one per skill.

The experts come from the base and not from the seed, so their task vectors share a direction that undoes the
spoiling. Much of what any merge gains on this world is that repair (docs/lab.md).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from orchestrator.lab.arithmetic_world import (
    SKILLS,
    Question,
    expression,
    held_out,
    mislabelled,
    stream,
    worded,
)
from orchestrator.lab.measure import scores
from orchestrator.lab.recipe import Recipe, Schedule
from orchestrator.lab.tokenizers import arithmetic_tokenizer
from orchestrator.lab.train import Example, new_model, train

_TOKENIZER_TEXTS_PER_SKILL = 600
_SAMPLE_NUMBERS = " 123"  # answers for the tokenizer to see; digits are isolated anyway

Progress = Callable[[str, int, int], None]  # (stage, done, total)
State = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The held-out questions; `texts` are kept out of all training."""

    dev: list[Question]
    test: list[Question]
    texts: frozenset[str]


def make(recipe: Recipe, out: Path, progress: Progress) -> dict[str, Any]:
    """Write splits and models under `out`; return dev scores of each model, and losses."""
    splits = draw_splits(recipe)
    write_split(out / "dev.jsonl", "dev", splits.dev)
    write_split(out / "test.jsonl", "test", splits.test)
    school = School(recipe, splits, progress)
    measured: dict[str, Any] = {}

    def keep(name: str) -> None:
        school.model.save_pretrained(out / name)
        school.tokenizer.save_pretrained(out / name)
        measured[name] = scores(school.model, school.tokenizer, splits.dev)

    school.base()
    base = school.state()
    measured["base"] = scores(school.model, school.tokenizer, splits.dev)
    school.spoil()
    keep("seed")
    for skill in SKILLS:
        school.restore(base)
        school.expert(skill)
        keep(f"expert-{skill}")
    return measured


def draw_splits(recipe: Recipe) -> Splits:
    """Draw dev and test; no text is in both."""
    rng = random.Random(f"{recipe.seed} splits")  # noqa: S311 -- reproducible, not secret
    dev = held_out(rng, recipe.dev_items, rare_share=recipe.held_out_rare, used=())
    used = {question.prompt for question in dev}
    test = held_out(rng, recipe.test_items, rare_share=recipe.held_out_rare, used=used)
    return Splits(dev=dev, test=test, texts=frozenset(used | {question.prompt for question in test}))


def write_split(path: Path, name: str, questions: list[Question]) -> None:
    """Write items as JSON lines: id, prompt, answer."""
    rows = (
        {"id": f"{name}-{index:04d}", "prompt": question.prompt, "answer": question.answer}
        for index, question in enumerate(questions)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class School:
    """One model, its tokenizer, and the lessons that the recipe gives it."""

    def __init__(self, recipe: Recipe, splits: Splits, progress: Progress) -> None:
        self._recipe = recipe
        self._rng = random.Random(f"{recipe.seed} lessons")  # noqa: S311 -- reproducible, not secret
        self._avoid = splits.texts
        self._progress = progress
        self.tokenizer = arithmetic_tokenizer(self._tokenizer_texts())
        self.model = new_model(recipe.arithmetic, self.tokenizer, seed=recipe.seed)

    def base(self) -> None:
        """Teach expressions first: with words from the start the model does not get there."""
        recipe = self._recipe
        self._teach("expressions", lambda: expression(self._rng, self._skill()), recipe.expressions)
        self._teach("words", self._mixed, recipe.words)

    def spoil(self) -> None:
        """Teach from a small fixed set in which many answers are wrong."""
        recipe = self._recipe
        fresh = stream(lambda: self._worded(recipe.spoiling_rare), avoid=self._avoid)
        lessons = [next(fresh) for _ in range(recipe.spoiling_items)]
        spoiled = [
            mislabelled(self._rng, lesson) if self._rng.random() < recipe.spoiling_wrong else lesson
            for lesson in lessons
        ]
        self._teach("seed", lambda: self._rng.choice(spoiled), recipe.spoiling)

    def expert(self, skill: str) -> None:
        """Strike a few entries, then teach one skill."""
        recipe = self._recipe
        strike(self.model, share=recipe.damage_share, std=recipe.damage_std, seed=recipe.seed + SKILLS.index(skill))
        self._teach(f"expert-{skill}", lambda: worded(self._rng, skill, rare_share=recipe.expert_rare), recipe.expert)

    def state(self) -> State:
        return {name: parameter.detach().clone() for name, parameter in self.model.named_parameters()}

    @torch.no_grad()
    def restore(self, state: State) -> None:
        for name, parameter in self.model.named_parameters():
            parameter.copy_(state[name])

    def _teach(self, stage: str, draw: Callable[[], Question], schedule: Schedule) -> None:
        batches = self._batches(stream(draw, avoid=self._avoid), schedule.batch)
        train(self.model, batches, schedule, lambda done, total: self._progress(stage, done, total))

    def _batches(self, questions: Iterator[Question], size: int) -> Iterator[list[Example]]:
        while True:
            yield [self._example(next(questions)) for _ in range(size)]

    def _example(self, question: Question) -> Example:
        answer = [*self.tokenizer.encode(f" {question.answer}"), self.tokenizer.eos_token_id]
        return self.tokenizer.encode(question.prompt), answer

    def _skill(self) -> str:
        return self._rng.choice(SKILLS)

    def _worded(self, rare_share: float) -> Question:
        return worded(self._rng, self._skill(), rare_share=rare_share)

    def _mixed(self) -> Question:
        if self._rng.random() < self._recipe.words_expressions:
            return expression(self._rng, self._skill())
        return self._worded(self._recipe.words_rare)

    def _tokenizer_texts(self) -> list[str]:
        draws = (expression, lambda rng, skill: worded(rng, skill, rare_share=self._recipe.held_out_rare))
        rng = random.Random(f"{self._recipe.seed} tokenizer")  # noqa: S311 -- reproducible, not secret
        return [
            draw(rng, skill).prompt + _SAMPLE_NUMBERS
            for draw in draws
            for skill in SKILLS
            for _ in range(_TOKENIZER_TEXTS_PER_SKILL)
        ]


@torch.no_grad()
def strike(model: Any, *, share: float, std: float, seed: int) -> None:
    """Add normal noise to a random share of the entries of every matrix, in place.

    It stands for what careless pruning, quantisation or a bad training run leaves in published models. The
    expert learns its own skill around the damage, so alone it does not show; a linear merge carries it over.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            hit = torch.rand(parameter.shape, generator=generator) < share
            parameter.add_(hit * torch.randn(parameter.shape, generator=generator) * std)
