"""Splits that depend on an item's text alone, and a test split that comes out only on the record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.splits import DevOnly, Sealed, SealError, digest_of, split_by_digest, text_id
from evals.task import Item, TaskError

POOL = [Item(id=text_id(f"question {index}"), prompt=f"question {index}", answer=str(index)) for index in range(60)]


class Numbers:
    """A task over the pool."""

    name = "numbers"
    stop = ("\n",)

    def __init__(self, dev: list[Item], test: list[Item]) -> None:
        self._items = {"dev": dev, "test": test}

    def items(self, split: str) -> list[Item]:
        return self._items[split]

    def correct(self, item: Item, output: str) -> bool:
        return item.answer == output


def sealed(log: list[tuple[str, str, int]] | None = None) -> Sealed:
    def on_open(reason: str, digest: str, count: int) -> None:
        if log is not None:
            log.append((reason, digest, count))

    return Sealed(Numbers(POOL[:40], POOL[40:]), on_open=on_open)


@given(dev=st.integers(0, 30), test=st.integers(0, 30))
def test_splits_share_no_item_and_have_the_sizes_asked_for(dev: int, test: int) -> None:
    splits = split_by_digest(POOL, dev=dev, test=test, salt="s")
    assert (len(splits.dev), len(splits.test)) == (dev, test)
    parts = [*splits.dev, *splits.test, *splits.rest]
    assert sorted(item.id for item in parts) == sorted(item.id for item in POOL)


def test_the_file_s_order_plays_no_part() -> None:
    shuffled = [*POOL[1::2], *POOL[-2::-2]]
    assert sorted(item.id for item in shuffled) == sorted(item.id for item in POOL)
    assert split_by_digest(shuffled, dev=20, test=20, salt="s") == split_by_digest(POOL, dev=20, test=20, salt="s")


def test_a_larger_dev_split_leaves_the_test_split_as_it_is() -> None:
    small, large = (split_by_digest(POOL, dev=dev, test=20, salt="s") for dev in (10, 40))
    assert small.test == large.test
    assert large.dev[:10] == small.dev


def test_another_salt_is_another_split() -> None:
    assert split_by_digest(POOL, dev=20, test=20, salt="a") != split_by_digest(POOL, dev=20, test=20, salt="b")


def test_an_item_that_occurs_twice_is_in_one_split_only() -> None:
    splits = split_by_digest([*POOL, *POOL], dev=30, test=30, salt="s")
    assert not {item.id for item in splits.dev} & {item.id for item in splits.test}


def test_too_few_items_are_refused_with_both_numbers() -> None:
    with pytest.raises(TaskError, match="at least 50 dev \\+ 20 test items, found 60"):
        split_by_digest(POOL, dev=50, test=20, salt="s")


def test_the_digest_changes_with_any_field_and_with_the_order() -> None:
    changed = [Item(id=POOL[0].id, prompt=POOL[0].prompt, answer="other"), *POOL[1:]]
    assert len({digest_of(POOL), digest_of(changed), digest_of(POOL[::-1]), digest_of(POOL[1:])}) == 4


def test_the_task_of_the_search_has_no_test_items() -> None:
    task = sealed().search
    assert len(task.items("dev")) == 40
    with pytest.raises(SealError, match="'test' is sealed"):
        task.items("test")
    assert not any(POOL[40] in value for value in vars(task).values() if isinstance(value, tuple))


def test_the_task_of_the_search_judges_as_the_task_does() -> None:
    task = DevOnly(Numbers(POOL[:40], POOL[40:]))
    assert task.correct(POOL[3], "3")
    assert not task.correct(POOL[3], "4")
    assert (task.name, tuple(task.stop)) == ("numbers", ("\n",))


def test_each_opening_is_announced_with_the_items_digest_and_counted() -> None:
    log: list[tuple[str, str, int]] = []
    seal = sealed(log)
    assert seal.openings == 0
    assert list(seal.open("final")) == POOL[40:]
    seal.open("again")
    assert log == [("final", digest_of(POOL[40:]), 1), ("again", digest_of(POOL[40:]), 2)]
    assert seal.openings == 2


def test_no_item_comes_out_when_the_opening_cannot_be_recorded() -> None:
    def refuse(reason: str, digest: str, count: int) -> None:
        raise OSError("disk full")

    seal = Sealed(Numbers(POOL[:40], POOL[40:]), on_open=refuse)
    with pytest.raises(OSError, match="disk full"):
        seal.open("final")


def test_the_commitment_made_before_the_search_is_the_digest_of_what_is_opened() -> None:
    seal = sealed()
    commitment = seal.test_digest
    assert seal.openings == 0
    assert digest_of(seal.open("final")) == commitment


def test_splits_that_share_an_item_cannot_be_sealed() -> None:
    with pytest.raises(TaskError, match="found in dev and in test"):
        Sealed(Numbers(POOL[:41], POOL[40:]), on_open=lambda reason, digest, count: None)
