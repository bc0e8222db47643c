"""Two runs side by side: what may be compared, and what the sentences make of the numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from orchestrator.ledger import read
from orchestrator.reporting.beside import Beside, Pool, compare, incomparable, search, verdict
from orchestrator.reporting.facts import RunFacts, gather
from orchestrator.reporting.statistics import Interval, means, paired
from tests.synthetic_run import SyntheticRun

RISE = Interval(estimate=0.05, low=0.01, high=0.09)
NOTHING = Interval(estimate=0.01, low=-0.03, high=0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of which one did not learn."""
    folder = tmp_path_factory.mktemp("runs")
    SyntheticRun(folder / "dpo", programs=20).write()
    SyntheticRun(folder / "none", programs=20, learn="none", chance=12).write()
    return folder


@pytest.fixture
def dpo(folder: Path) -> RunFacts:
    return gather(read(folder / "dpo" / "ledger.jsonl"))


@pytest.fixture
def control(folder: Path) -> RunFacts:
    return gather(read(folder / "none" / "ledger.jsonl"))


@pytest.fixture
def beside(dpo: RunFacts, control: RunFacts) -> Beside:
    return compare(dpo, control)


def with_inputs(facts: RunFacts, **changes: Any) -> RunFacts:
    assert facts.inputs
    facts.inputs = dataclasses.replace(facts.inputs, data={**facts.inputs.data, **changes})
    return facts


def with_pools(beside: Beside, mean: Interval, mine: int, theirs: int) -> Beside:
    """Return the comparison as if the pools of 100 programs held so many duplicates."""
    pools = [Pool(programs=100, duplicates=count, new=90 - count, accuracies=(0.5, 0.7)) for count in (mine, theirs)]
    return dataclasses.replace(beside, mean=mean, pools=(pools[0], pools[1]))


def test_runs_on_the_same_models_and_items_are_comparable(dpo: RunFacts, control: RunFacts) -> None:
    assert incomparable(dpo, control) == ""


@pytest.mark.parametrize("key", ["dev_sha256", "test_sha256", "task"])
def test_other_items_are_not_comparable(dpo: RunFacts, control: RunFacts, key: str) -> None:
    assert "0000 there" in incomparable(dpo, with_inputs(control, **{key: "0000"}))


def test_another_candidate_s_weights_are_named(dpo: RunFacts, control: RunFacts) -> None:
    assert control.inputs
    add, *rest = control.inputs.data["candidates"]
    changed = {**add, "files": [{**add["files"][0], "sha256": "f" * 64}]}
    why = incomparable(dpo, with_inputs(control, candidates=[changed, *rest]))
    assert "candidate add is " in why
    assert "ffffffffffff there" in why


def test_a_candidate_that_only_one_run_has_is_named(dpo: RunFacts, control: RunFacts) -> None:
    assert control.inputs
    why = incomparable(dpo, with_inputs(control, candidates=control.inputs.data["candidates"][:2]))
    assert "candidate mul" in why
    assert "absent there" in why


def test_the_folder_in_which_a_model_lies_does_not_matter(dpo: RunFacts, control: RunFacts) -> None:
    assert control.inputs
    moved = {**control.inputs.data["seed"], "path": "/elsewhere"}
    assert incomparable(dpo, with_inputs(control, seed=moved)) == ""


def test_a_run_is_not_compared_with_itself(dpo: RunFacts) -> None:
    assert incomparable(dpo, dpo) == "they are the same run"


def test_a_run_that_never_came_to_its_models_is_not_comparable(dpo: RunFacts, control: RunFacts) -> None:
    control.inputs = None
    assert "the other run's record names no models" in incomparable(dpo, control)


def test_settings_that_differ_are_named_with_both_values(dpo: RunFacts, control: RunFacts) -> None:
    assert control.started
    config = {**control.started.data["config"], "seed": 8, "dpo": {"beta": "0.2"}}
    control.started = dataclasses.replace(control.started, data={**control.started.data, "config": config, "seed": 8})
    assert compare(dpo, control).differences == (("dpo.beta", "0.1", "0.2"), ("seed", "7", "8"))


def test_name_and_learn_are_no_difference(beside: Beside) -> None:
    assert beside.differences == ()


def test_only_iterations_with_a_trained_factory_are_pooled(beside: Beside) -> None:
    assert beside.numbers == (2, 3)
    assert beside.pools[0].programs == 40


def test_without_any_training_all_iterations_are_pooled(control: RunFacts, tmp_path: Path) -> None:
    again = SyntheticRun(tmp_path / "again", programs=5, iterations=2, learn="none").write()
    assert compare(control, gather(read(again.run_dir / "ledger.jsonl"))).numbers == (1, 2)


def test_the_best_so_far_never_falls(beside: Beside) -> None:
    bests = [turn.best for _, turn, _ in beside.turns if turn]
    assert None not in bests
    assert bests == sorted(bests, key=lambda best: best or 0)


def test_a_best_score_that_is_only_equal_is_not_better(dpo: RunFacts, control: RunFacts) -> None:
    control.programs = dpo.programs
    assert "is not better than that of the control" in verdict(compare(dpo, control))


def test_a_lead_is_told_in_items(dpo: RunFacts, control: RunFacts) -> None:
    best, other = dpo.ranking[0].dev, control.ranking[0].dev
    assert best
    assert other
    ahead, behind = (dpo, control) if best.right > other.right else (control, dpo)
    lead = abs(best.right - other.right)
    assert f"is better by {lead} item" in verdict(compare(ahead, behind))
    assert "is not better than" in verdict(compare(behind, ahead))


@pytest.mark.parametrize(
    ("gained", "lost", "word"), [(40, 5, "better than"), (5, 40, "worse than"), (20, 20, "not told apart from")]
)
def test_the_test_scores_are_judged_by_their_interval(beside: Beside, gained: int, lost: int, word: str) -> None:
    mine, theirs = [True] * gained + [False] * lost, [False] * gained + [True] * lost
    told = verdict(dataclasses.replace(beside, test=paired(mine + [True] * 500, theirs + [True] * 500)))
    assert f"first program by dev is {word} that of the control" in told


def test_a_gain_in_the_mean_that_comes_with_duplicates_is_called_that(beside: Beside) -> None:
    told = search(with_pools(beside, RISE, mine=73, theirs=20))
    assert "is above that of the control" in told
    assert "That gain comes with more duplicates: 73 duplicates against 20, 17 new programs against 70." in told


@pytest.mark.parametrize(("mean", "mine"), [(RISE, 20), (RISE, 5), (NOTHING, 73)])
def test_no_such_gain_is_told_where_there_is_none(beside: Beside, mean: Interval, mine: int) -> None:
    assert "That gain" not in search(with_pools(beside, mean, mine=mine, theirs=20))


def test_an_interval_that_holds_zero_is_no_gain(beside: Beside) -> None:
    assert "is not told apart from that of the control" in search(with_pools(beside, NOTHING, mine=1, theirs=1))


def test_another_trained_run_is_not_called_a_control(dpo: RunFacts, control: RunFacts) -> None:
    assert "control" not in verdict(compare(control, dpo))


def test_the_difference_of_means_agrees_with_a_computation_by_hand() -> None:
    # Variances 1 and 4 over 3 values each: half = 1.96 * sqrt(1/3 + 4/3).
    interval = means([1, 2, 3], [0, 2, 4])
    assert interval
    assert (interval.estimate, round(interval.high, 3)) == (0, 2.53)
    assert means([1.0], [1.0, 2.0]) is None
