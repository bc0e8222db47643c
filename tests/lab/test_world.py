"""The built lab is what docs/lab.md says, within bounds loose enough for another machine's rounding.

Scores are of the dev split; the sealed split is not read here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load_file

from evals.arithmetic import ArithmeticTask
from evals.engines.hf import HfEngine
from orchestrator import lab
from orchestrator.stages.generate.hf import HfGenerator
from orchestrator.stages.generate.prompts import LAB

pytestmark = pytest.mark.lab

ITEMS = 400  # of dev: standard error about 2.5 points
EXPERTS = ("expert-add", "expert-sub", "expert-mul")
Merge = Callable[[torch.Tensor], torch.Tensor]  # [models, *shape] -> [*shape]


class World:
    """The lab's models in memory, and the share of dev questions that a merge of them answers."""

    def __init__(self, made: lab.Lab) -> None:
        self.lab = made
        self.task = ArithmeticTask(made.root, dev_items=ITEMS)
        self.engine = HfEngine(made.path("seed"), batch_size=ITEMS, threads=1)
        self.seed = load_file(made.path("seed") / "model.safetensors")
        self.experts = [load_file(made.path(name) / "model.safetensors") for name in EXPERTS]

    def score(self, merge: Merge | None) -> float:
        merged = {}
        if merge is not None:
            for name, seed in self.seed.items():
                merged[name] = seed + merge(torch.stack([expert[name] - seed for expert in self.experts]))
        self.engine.swap(merged)
        items = self.task.items("dev")
        answers = self.engine.generate([item.prompt for item in items], max_new_tokens=6, stop=self.task.stop)
        return sum(map(self.task.correct, items, answers)) / len(items)


@pytest.fixture(scope="module")
def world() -> World:
    return World(lab.ensure())


@pytest.fixture(scope="module")
def arithmetic(world: World) -> float:
    """Task arithmetic at the better of a few uniform coefficients."""
    return max(world.score(lambda taus, c=c: c * taus.sum(0)) for c in (0.1, 0.15, 0.2))  # type: ignore[misc]


def test_the_seed_leaves_room(world: World) -> None:
    assert 0.40 < world.score(None) < 0.70


def test_each_expert_has_its_own_skill(world: World) -> None:
    scores = world.lab.facts["arithmetic"]
    assert all(scores[f"expert-{skill}"][skill] > 0.95 for skill in ("add", "sub", "mul"))


def test_task_arithmetic_beats_the_seed_and_every_expert(world: World, arithmetic: float) -> None:
    assert arithmetic > world.score(None) + 0.08
    assert all(arithmetic > world.lab.facts["arithmetic"][name]["all"] + 0.08 for name in EXPERTS)


def test_a_median_beats_task_arithmetic(world: World, arithmetic: float) -> None:
    assert world.score(lambda taus: 0.7 * taus.median(0).values) > arithmetic + 0.02


def test_too_much_of_a_merge_does_harm(world: World) -> None:
    assert world.score(lambda taus: taus.sum(0)) < 0.3


def test_the_factory_writes_programs(world: World) -> None:
    factory = HfGenerator(world.lab.path("factory"), prompt=LAB, seed=0, top_p=0.95, max_new_tokens=200, batch_size=32)
    proposed = factory.propose(1, 32, temperature=1.0, progress=lambda done, total: None)
    compiled = 0
    for item in proposed:
        try:
            compile(item.source, item.id, "exec")
            compiled += 1
        except SyntaxError:
            pass
    assert compiled >= 20
    assert len({item.digest for item in proposed}) >= 20
