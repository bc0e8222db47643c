"""Sound programs of the corpus hold on every probe; flawed ones do not."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import torch

from orchestrator.lab.grammar import FAMILIES, FLAWED_SHARE, FLAWS, HEADER, build, program

UNSAFE_TO_RUN = {"forbidden", "endless", "hungry"}  # recognised by their text instead
MARKS = {
    "forbidden": ("import os", "import subprocess", "import sys", "open("),
    "endless": ("while True:",),
    "hungry": ("big = torch.ones(",),
}


def probes() -> Iterator[tuple[dict[str, torch.Tensor], tuple[int, ...]]]:
    generator = torch.Generator().manual_seed(0)
    for shape in ((6,), (4, 5)):
        for models in (1, 2, 3, 4):
            yield {f"m{i}": torch.randn(shape, generator=generator) * 0.01 for i in range(models)}, shape
        yield {f"m{i}": torch.zeros(shape) for i in range(3)}, shape


def holds(source: str) -> bool:
    """Whether the program keeps the contract on every probe. Runs our own corpus, plainly."""
    try:
        names: dict[str, object] = {}
        exec(source, names)  # noqa: S102 -- text of our own grammar, unsafe kinds left out
        merge = names["merge_models"]
        assert callable(merge)
        for tensors, shape in probes():
            out = merge(dict(tensors), "cpu")
            if not (isinstance(out, torch.Tensor) and tuple(out.shape) == shape):
                return False
            if not (out.is_floating_point() and bool(out.isfinite().all())):
                return False
    except Exception:  # noqa: BLE001 -- whatever a flawed program raises is the answer
        return False
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_sound_programs_keep_the_contract(family: str) -> None:
    rng = random.Random(0)
    for _ in range(20):
        made = build(rng, family)
        assert holds(made.source), made.source


@pytest.mark.parametrize("flaw", sorted(FLAWS.keys() - UNSAFE_TO_RUN))
def test_flawed_programs_break_the_contract(flaw: str) -> None:
    rng = random.Random(0)
    for _ in range(20):
        made = build(rng, rng.choice(tuple(FAMILIES)), flaw)
        assert not holds(made.source), made.source


@pytest.mark.parametrize("flaw", sorted(UNSAFE_TO_RUN))
def test_dangerous_flaws_are_written_into_the_program(flaw: str) -> None:
    rng = random.Random(0)
    for _ in range(20):
        made = build(rng, rng.choice(tuple(FAMILIES)), flaw)
        assert any(mark in made.source for mark in MARKS[flaw]), made.source


def test_the_flawed_share_is_as_the_recipe_says() -> None:
    rng = random.Random(0)
    flawed = sum(bool(program(rng).flaw) for _ in range(4_000)) / 4_000
    assert flawed == pytest.approx(FLAWED_SHARE, abs=0.03)


def test_every_family_and_flaw_occurs() -> None:
    rng = random.Random(0)
    drawn = [program(rng) for _ in range(2_000)]
    assert {made.family for made in drawn} == set(FAMILIES)
    assert {made.flaw for made in drawn} == {*FLAWS, ""}


def test_header_and_completion_make_the_program() -> None:
    made = program(random.Random(0))
    assert HEADER + made.completion == made.source
