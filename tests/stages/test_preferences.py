"""Preferences: which pairs are made of which programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.candidate import (
    Admitted,
    Proposed,
    Reason,
    Receipt,
    Rejection,
    Score,
    Scored,
    Screened,
    Stage,
    Unchecked,
    Verified,
    source_digest,
)
from orchestrator.config import Preferences
from orchestrator.errors import EngineError
from orchestrator.stages.learn.preferences import Pair, paired_difference, preference_pairs
from tests.tiny import PROMPT

ITEMS = 100
RULES = Preferences(
    chosen_fraction=0.1,
    chosen_min=2,
    rejected_fraction=0.2,
    elite=1,
    invalid_share=0.0,
    pairs=1000,
    min_margin_se=1.0,
)


def proposed(index: int, *, iteration: int = 2, source: str = "") -> Proposed:
    source = source or f"{PROMPT}\n    return {iteration} * {index}\n"
    return Proposed(
        id=f"i{iteration}-{index:03d}", iteration=iteration, index=index, source=source, digest=source_digest(source)
    )


def receipt() -> Receipt:
    return Receipt(
        container_id="c",
        image_id="i",
        exit_code=0,
        oom_killed=False,
        timed_out=False,
        wall_seconds=1.0,
        startup_seconds=1.0,
        peak_memory_bytes=1,
        stdout="",
        stderr="",
        truncated=False,
    )


def scored(
    index: int, correct: int, *, iteration: int = 2, fingerprint: str = "", source: str = "", items: int = ITEMS
) -> Scored:
    """A program that answers the first `correct` items."""
    program = Screened(
        admitted=Admitted(
            proposed=proposed(index, iteration=iteration, source=source), policy_digest="p", ast_digest="a"
        ),
        fingerprint=fingerprint or f"f{iteration}-{index}",
    )
    return Scored(
        verified=verified(program),
        dev=Score(split="dev", correct=tuple(position < correct for position in range(items))),
        seconds=0.1,
    )


def verified(program: Screened | Unchecked) -> Verified:
    return Verified(
        program=program,
        receipt=receipt(),
        output_sha256="",
        tensor_sha256=(),
        tensors=(),
        weights=Path("/nowhere"),
        norm_ratio=1.0,
    )


def rejection(index: int, *, stage: Stage = Stage.CHECK, reason: Reason = Reason.SYNTAX, source: str = "") -> Rejection:
    return Rejection(proposed=proposed(index, source=source), stage=stage, reason=reason, detail="")


def spread(count: int, *, iteration: int = 2) -> list[Scored]:
    """Programs 0, 1, ... of which each answers four items fewer than the one before."""
    return [scored(index, 90 - 4 * index, iteration=iteration) for index in range(count)]


def pair(*, chosen: str, rejected: str) -> Pair:
    return Pair(
        id="p1-000",
        iteration=1,
        chosen=proposed(0, source=PROMPT + chosen),
        rejected=proposed(1, source=PROMPT + rejected),
        margin=0.1,
        rule="score",
    )


def names(pairs: tuple[Pair, ...], side: str) -> set[str]:
    return {getattr(pair, side).id for pair in pairs}


# Which pairs are made


def test_the_top_share_is_crossed_with_the_bottom_share() -> None:
    pairs = preference_pairs(spread(20), [], [], rules=RULES, rng_seed=0)
    assert names(pairs, "chosen") == {"i2-000", "i2-001"}
    assert names(pairs, "rejected") == {"i2-016", "i2-017", "i2-018", "i2-019"}
    assert len(pairs) == 8


def test_the_minimum_of_chosen_holds_when_the_share_is_smaller() -> None:
    rules = RULES.model_copy(update={"chosen_min": 5})
    assert len(names(preference_pairs(spread(20), [], [], rules=rules, rng_seed=0), "chosen")) == 5


def test_the_elite_of_each_earlier_iteration_joins_the_chosen() -> None:
    earlier = [*spread(5, iteration=1), *spread(5, iteration=2)]
    now = [scored(index, 80 - 4 * index, iteration=3) for index in range(10)]
    chosen = names(preference_pairs(now, [], earlier, rules=RULES, rng_seed=0), "chosen")
    assert chosen == {"i3-000", "i3-001", "i1-000", "i2-000"}


def test_earlier_programs_are_never_rejected_for_their_age() -> None:
    earlier = [scored(index, 5, iteration=1) for index in range(5)]
    pairs = preference_pairs(spread(20), [], earlier, rules=RULES, rng_seed=0)
    assert all(name.startswith("i2-") for name in names(pairs, "rejected"))


def test_no_program_is_both_chosen_and_rejected_however_few_there_are() -> None:
    rules = RULES.model_copy(update={"chosen_fraction": 1.0, "rejected_fraction": 1.0, "invalid_share": 0.5})
    for count in range(1, 8):
        pairs = preference_pairs(spread(count), [rejection(50)], [], rules=rules, rng_seed=0)
        assert not names(pairs, "chosen") & names(pairs, "rejected")


def test_what_computes_the_same_as_a_chosen_program_is_not_rejected() -> None:
    elite = scored(0, 95, iteration=1, fingerprint="same")
    copy = scored(30, 1, fingerprint="same")
    pairs = preference_pairs([*spread(20), copy], [], [elite], rules=RULES, rng_seed=0)
    assert "i1-000" in names(pairs, "chosen")
    assert "i2-030" not in names(pairs, "rejected")


def test_programs_with_one_fingerprint_count_once() -> None:
    twins = [scored(40, 95, fingerprint="twin"), scored(41, 95, fingerprint="twin")]
    chosen = names(preference_pairs([*spread(18), *twins], [], [], rules=RULES, rng_seed=0), "chosen")
    assert chosen == {"i2-040", "i2-000"}


def test_pairs_within_the_error_of_the_evaluation_are_dropped() -> None:
    close = [scored(0, 51), scored(1, 50)]
    rules = RULES.model_copy(update={"chosen_min": 1, "min_margin_se": 1.5})
    assert preference_pairs(close, [], [], rules=rules, rng_seed=0) == ()
    assert preference_pairs(close, [], [], rules=rules.model_copy(update={"min_margin_se": 0.5}), rng_seed=0)


def test_equal_scores_make_no_pair_even_without_a_margin() -> None:
    rules = RULES.model_copy(update={"min_margin_se": 0.0})
    assert preference_pairs([scored(index, 50) for index in range(20)], [], [], rules=rules, rng_seed=0) == ()


def test_the_error_is_that_of_the_paired_difference() -> None:
    a = Score(split="dev", correct=(True,) * 6 + (False,) * 4)
    b = Score(split="dev", correct=(True,) * 5 + (False,) * 5)
    mean, error = paired_difference(a, b)  # differences: one 1 and nine 0, sample variance 0.1
    assert mean == pytest.approx(0.1)
    assert error == pytest.approx((0.1 / 10) ** 0.5)


def test_a_share_of_the_pairs_rejects_programs_that_failed() -> None:
    rules = RULES.model_copy(update={"invalid_share": 0.5, "pairs": 12, "rejected_fraction": 0.5})
    failed = [rejection(100 + index) for index in range(20)]
    pairs = preference_pairs(spread(20), failed, [], rules=rules, rng_seed=0)
    by_rule = [pair.rule for pair in pairs]
    assert by_rule.count("invalid") == 6
    assert by_rule.count("score") == 6
    assert all((pair.margin is None) == (pair.rule == "invalid") for pair in pairs)


def test_half_of_the_pairs_against_failed_programs_choose_from_the_rest_of_the_better_half() -> None:
    rules = RULES.model_copy(update={"invalid_share": 1.0, "pairs": 12})
    pairs = preference_pairs(spread(20), [rejection(100 + i) for i in range(20)], [], rules=rules, rng_seed=0)
    top = [pair for pair in pairs if pair.chosen.id in {"i2-000", "i2-001"}]
    assert len(top) == 6
    assert names(pairs, "chosen") <= {f"i2-{index:03d}" for index in range(10)}


def test_the_paper_s_rule_uses_no_failed_program() -> None:
    pairs = preference_pairs(spread(20), [rejection(100)], [], rules=RULES, rng_seed=0)
    assert {pair.rule for pair in pairs} == {"score"}


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage.SCREEN, Reason.DUPLICATE),
        (Stage.VERIFY, Reason.IDENTICAL_TO_SEED),
        (Stage.VERIFY, Reason.OUTPUT_NORM),
    ],
)
def test_duplicates_and_what_ran_to_the_end_are_no_failed_programs(stage: Stage, reason: Reason) -> None:
    rules = RULES.model_copy(update={"invalid_share": 1.0})
    refused = rejection(100, stage=stage, reason=reason)
    assert preference_pairs(spread(20), [refused], [], rules=rules, rng_seed=0) == ()


def test_a_text_that_failed_once_and_was_scored_once_is_no_failed_program() -> None:
    rules = RULES.model_copy(update={"invalid_share": 1.0})
    programs = spread(20)
    flaky = rejection(100, stage=Stage.RUN, reason=Reason.TIMEOUT, source=programs[7].proposed.source)
    assert preference_pairs(programs, [flaky], [], rules=rules, rng_seed=0) == ()


def test_at_most_as_many_pairs_as_asked_are_drawn_and_none_twice() -> None:
    rules = RULES.model_copy(update={"pairs": 5})
    pairs = preference_pairs(spread(20), [], [], rules=rules, rng_seed=0)
    assert len({(pair.chosen.id, pair.rejected.id) for pair in pairs}) == 5


def test_the_draw_depends_on_the_seed_alone() -> None:
    rules = RULES.model_copy(update={"pairs": 4})
    first = preference_pairs(spread(20), [], [], rules=rules, rng_seed=1)
    assert first == preference_pairs(list(reversed(spread(20))), [], [], rules=rules, rng_seed=1)
    assert first != preference_pairs(spread(20), [], [], rules=rules, rng_seed=2)


def test_nothing_in_gives_nothing_out() -> None:
    assert preference_pairs([], [], [], rules=RULES, rng_seed=0) == ()
    assert preference_pairs([], [rejection(1)], [], rules=RULES, rng_seed=0) == ()


def test_a_program_that_skipped_the_screen_cannot_be_learned_from() -> None:
    unchecked = Scored(
        verified=verified(Unchecked(proposed=proposed(3))), dev=Score(split="dev", correct=(True,) * ITEMS), seconds=0.1
    )
    with pytest.raises(EngineError, match="i2-003 was never checked"):
        preference_pairs([*spread(5), unchecked], [], [], rules=RULES, rng_seed=0)


def test_scores_on_different_items_cannot_be_paired() -> None:
    with pytest.raises(EngineError, match="expected a score on 100 items of dev, found 50"):
        preference_pairs([*spread(5), scored(9, 10, items=50)], [], [], rules=RULES, rng_seed=0)
