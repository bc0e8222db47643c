"""Tuned task arithmetic: the formula is exact, the search finds the best point and is repeatable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch

from evals.task import Item
from orchestrator.baselines import Tuned, merge, tune_task_arithmetic
from orchestrator.errors import EngineError
from orchestrator.models import MergeInputs, resolve_inputs
from tests.tiny import make_tiny, make_variant, weights

ITEMS = [Item(id=str(index), prompt=str(index), answer="") for index in range(100)]


class Landscape:
    """An engine and task in one: the share of right answers is a function of the coefficients.

    It reads the coefficients back from the merged tensors, so that a wrong merge cannot score well.
    """

    name = "landscape"
    stop: Sequence[str] = ()

    def __init__(self, inputs: MergeInputs, height: Callable[[torch.Tensor], float]) -> None:
        seed = weights(inputs.seed.path)
        names = [spec.name for spec in inputs.tensors]
        self._seed = torch.cat([seed[name].flatten() for name in names])
        self._names = names
        self._taus = torch.stack(
            [
                torch.cat([weights(model.path)[name].flatten() for name in names]) - self._seed
                for model in inputs.candidates
            ]
        )
        self._height = height
        self._right = 0
        self.swapped: Mapping[str, torch.Tensor] = {}
        self.points: list[tuple[float, ...]] = []

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self.swapped = tensors
        if tensors:
            delta = torch.cat([tensors[name].flatten() for name in self._names]) - self._seed
            point = torch.linalg.lstsq(self._taus.T, delta[:, None]).solution.flatten()
            self.points.append(tuple(round(float(c), 4) for c in point))
            self._right = round(self._height(point))

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        return ["right" if index < self._right else "wrong" for index in range(len(prompts))]

    def items(self, split: str) -> Sequence[Item]:
        return ITEMS

    def correct(self, item: Item, output: str) -> bool:
        return output == "right"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> MergeInputs:
    folder = tmp_path_factory.mktemp("models")
    seed = make_tiny(folder / "seed")
    candidates = {name: make_variant(seed, folder / name, seed=index) for index, name in enumerate(("a", "b", "c"), 1)}
    return resolve_inputs(seed, candidates, ("*mlp*", "*norm*"))


def peak_at(*top: float) -> Callable[[torch.Tensor], float]:
    return lambda point: 90 - 100 * float((point - torch.tensor(top)).abs().sum())


def tune(world: Landscape, inputs: MergeInputs, grid: Sequence[float], max_points: int) -> Tuned:
    return tune_task_arithmetic(
        world, inputs, world, ITEMS, grid, max_points, lambda done, total: None, max_new_tokens=1
    )


def test_merging_is_the_seed_plus_weighted_task_vectors(inputs: MergeInputs) -> None:
    merged = merge(inputs, (0.2, 0.0, -0.5))
    seed, a, _, c = (weights(path) for path in (inputs.seed.path, *(model.path for model in inputs.candidates)))
    for name, tensor in merged.items():
        expected = seed[name].double() + 0.2 * (a[name] - seed[name]).double() - 0.5 * (c[name] - seed[name]).double()
        assert tensor.dtype == seed[name].dtype
        assert torch.allclose(tensor.double(), expected, atol=1e-6)


def test_only_included_tensors_are_merged(inputs: MergeInputs) -> None:
    assert list(merge(inputs, (0.1, 0.1, 0.1))) == [spec.name for spec in inputs.tensors]
    assert "model.embed_tokens.weight" not in merge(inputs, (0.1, 0.1, 0.1))


def test_no_coefficients_give_the_seed_bit_by_bit(inputs: MergeInputs) -> None:
    seed = weights(inputs.seed.path)
    assert all(torch.equal(tensor, seed[name]) for name, tensor in merge(inputs, (0.0, 0.0, 0.0)).items())


def test_every_combination_is_tried_once_when_they_fit(inputs: MergeInputs) -> None:
    world = Landscape(inputs, peak_at(0.2, 0.4, 0.0))
    tuned = tune(world, inputs, (0.0, 0.2, 0.4), 27)
    assert tuned.coefficients == (("a", 0.2), ("b", 0.4), ("c", 0.0))
    assert tuned.evaluated == len(world.points) == len(set(world.points)) == 27
    assert tuned.dev.accuracy == pytest.approx(0.9)


def test_a_larger_grid_is_searched_by_coordinate_within_the_budget(inputs: MergeInputs) -> None:
    world = Landscape(inputs, peak_at(0.2, 0.6, 0.0))
    tuned = tune(world, inputs, (0.0, 0.1, 0.2, 0.3, 0.4, 0.6), 40)
    assert tuned.coefficients == (("a", 0.2), ("b", 0.6), ("c", 0.0))
    assert tuned.evaluated <= 40


def test_the_search_refines_between_the_grid_s_levels(inputs: MergeInputs) -> None:
    tuned = tune(Landscape(inputs, peak_at(0.25, 0.25, 0.25)), inputs, (0.0, 0.2, 0.4), 26)
    assert all(abs(c - 0.25) <= 0.05 for _, c in tuned.coefficients)


def test_the_budget_is_never_exceeded(inputs: MergeInputs) -> None:
    world = Landscape(inputs, peak_at(0.3, 0.3, 0.3))
    assert tune(world, inputs, (0.0, 0.2, 0.4), 2).evaluated == len(world.points) == 2


def test_equal_scores_are_decided_for_the_smaller_norm(inputs: MergeInputs) -> None:
    tuned = tune(Landscape(inputs, lambda point: 50), inputs, (0.4, 0.2, 0.1), 27)
    assert [c for _, c in tuned.coefficients] == [0.1, 0.1, 0.1]


def test_the_order_of_the_grid_plays_no_part(inputs: MergeInputs) -> None:
    results = [
        tune(Landscape(inputs, peak_at(0.1, 0.3, 0.2)), inputs, grid, 20).coefficients
        for grid in ((0.0, 0.1, 0.2, 0.3), (0.3, 0.2, 0.1, 0.0, 0.0))
    ]
    assert results[0] == results[1]


def test_the_merged_tensors_are_those_of_the_chosen_point(inputs: MergeInputs) -> None:
    tuned = tune(Landscape(inputs, peak_at(0.2, 0.4, 0.0)), inputs, (0.0, 0.2, 0.4), 27)
    expected = merge(inputs, tuple(c for _, c in tuned.coefficients))
    assert all(torch.equal(tuned.tensors[name], expected[name]) for name in expected)


def test_the_engine_is_left_with_the_seed(inputs: MergeInputs) -> None:
    world = Landscape(inputs, peak_at(0.2, 0.2, 0.2))
    tune(world, inputs, (0.0, 0.2), 8)
    assert world.swapped == {}


def test_progress_counts_points(inputs: MergeInputs) -> None:
    world = Landscape(inputs, peak_at(0.2, 0.2, 0.2))
    seen: list[tuple[int, int]] = []
    tune_task_arithmetic(
        world, inputs, world, ITEMS, (0.0, 0.2), 8, lambda done, total: seen.append((done, total)), max_new_tokens=1
    )
    assert seen == [(done, 8) for done in range(1, 9)]


def test_an_empty_grid_is_refused(inputs: MergeInputs) -> None:
    with pytest.raises(EngineError, match="expected a grid"):
        tune(Landscape(inputs, peak_at(0.0, 0.0, 0.0)), inputs, (), 8)
