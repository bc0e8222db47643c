"""Tuned task arithmetic (Ilharco et al. 2023, arXiv 2212.04089): the baseline that a program must beat.

theta = theta_seed + sum_j c_j (theta_j - theta_seed), with the coefficients chosen on the same dev
items that steer the search. It runs on the host because it is our own code on trusted files; programs
never run here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.engines.base import Engine
from evals.splits import DEV
from evals.task import Item, Task
from orchestrator.candidate import Score
from orchestrator.errors import EngineError
from orchestrator.models import MergeInputs
from orchestrator.stages.evaluate import score_split
from orchestrator.weights import Weights

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]  # (done, total)
Point = tuple[float, ...]  # one coefficient per candidate, in the order of `MergeInputs.candidates`

_REFINEMENTS = 3  # times that the step is halved once a sweep over the grid improves nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The best point found, its dev score, and its merged tensors in the seed's dtypes."""

    coefficients: tuple[tuple[str, float], ...]  # (candidate name, c)
    dev: Score
    evaluated: int
    tensors: Mapping[str, torch.Tensor]


def tune_task_arithmetic(
    engine: Engine,
    inputs: MergeInputs,
    task: Task,
    items: Sequence[Item],
    grid: Sequence[float],
    max_points: int,
    progress: Progress,
    *,
    max_new_tokens: int,
) -> Tuned:
    """Choose one coefficient per candidate by dev accuracy; the engine is left with the seed in place.

    All combinations of the grid are tried if there are at most `max_points`. Otherwise: equal coefficients
    first, then one coordinate at a time over the grid, then with smaller and smaller steps, until nothing
    improves or `max_points` is reached. Equal accuracies are decided for the smaller norm, then for the
    smaller coefficients in order, so that the result does not depend on the order of trying.

    Raises:
        EngineError: the engine failed, or the grid is empty.
    """
    if not grid or max_points < 1:
        raise EngineError(
            f"tuning task arithmetic: expected a grid and max_points >= 1, found {len(grid)}, {max_points}"
        )
    trial = _Trial(engine, inputs, task, items, max_points, progress, max_new_tokens)
    levels = tuple(sorted(set(grid)))
    count = len(inputs.candidates)
    if len(levels) ** count <= max_points:
        trial.total = len(levels) ** count
        trial.try_all(itertools.product(levels, repeat=count))
    else:
        _search_by_coordinate(trial, levels, count)
    best = trial.best()
    engine.swap({})
    return Tuned(
        coefficients=tuple((model.name, c) for model, c in zip(inputs.candidates, best, strict=True)),
        dev=trial.scores[best],
        evaluated=len(trial.scores),
        tensors=merge(inputs, best),
    )


def restored(inputs: MergeInputs, dev: Score, parameters: Mapping[str, str], points: int) -> Tuned:
    """Return what an earlier tuning found, from what is on record of it; nothing is scored."""
    coefficients = tuple((model.name, float(parameters[model.name])) for model in inputs.candidates)
    return Tuned(
        coefficients=coefficients, dev=dev, evaluated=points, tensors=merge(inputs, tuple(c for _, c in coefficients))
    )


def merge(inputs: MergeInputs, point: Point) -> dict[str, torch.Tensor]:
    """Return the included tensors of theta_seed + sum_j c_j tau_j, computed in float32, in the seed's dtypes.

    Reads the files tensor by tensor, so that it needs memory for one merged model only.
    """
    import torch

    seed = Weights(inputs.seed)
    active = [(Weights(model), c) for model, c in zip(inputs.candidates, point, strict=True) if c != 0]
    merged = {}
    for spec in inputs.tensors:
        base = seed.read(spec.name)
        total = base.to(torch.float32, copy=True)
        for model, c in active:
            total += c * (model.read(spec.name).to(torch.float32) - base.to(torch.float32))
        merged[spec.name] = total.to(base.dtype)
    return merged


class _Trial:
    """Scores points, each once, and remembers them."""

    def __init__(
        self,
        engine: Engine,
        inputs: MergeInputs,
        task: Task,
        items: Sequence[Item],
        max_points: int,
        progress: Progress,
        max_new_tokens: int,
    ) -> None:
        self._engine = engine
        self._inputs = inputs
        self._task = task
        self._items = items
        self._max_new_tokens = max_new_tokens
        self._progress = progress
        self.total = max_points
        self.scores: dict[Point, Score] = {}

    def try_all(self, points: Iterable[Point]) -> None:
        """Score the points that are new, as long as the budget lasts."""
        for point in points:
            if point not in self.scores and len(self.scores) < self.total:
                self.scores[point] = score_split(
                    self._engine,
                    self._task,
                    self._items,
                    split=DEV,
                    max_new_tokens=self._max_new_tokens,
                    tensors=merge(self._inputs, point),
                )
                self._progress(len(self.scores), self.total)

    def best(self) -> Point:
        return min(self.scores, key=self._rank)

    def _rank(self, point: Point) -> tuple[int, float, Point]:
        return (-sum(self.scores[point].correct), math.hypot(*point), point)


def _search_by_coordinate(trial: _Trial, levels: Sequence[float], count: int) -> None:
    """Coarse to fine, one coordinate at a time, from the best equal coefficients."""
    trial.try_all((level,) * count for level in levels)
    _sweep_until_stable(trial, lambda _: levels, count)
    step = min((high - low for low, high in itertools.pairwise(levels)), default=0.0)
    for _ in range(_REFINEMENTS if step else 0):
        step /= 2
        _sweep_until_stable(trial, lambda c, step=step: (c - step, c + step), count)  # type: ignore[misc]


def _sweep_until_stable(trial: _Trial, around: Callable[[float], Sequence[float]], count: int) -> None:
    before = None
    while before != trial.best():
        before = trial.best()
        for axis in range(count):
            point = trial.best()
            trial.try_all((*point[:axis], round(c, 9), *point[axis + 1 :]) for c in around(point[axis]))
