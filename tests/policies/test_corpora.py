"""Both rates at once: harmless programs are admitted and compute the same bytes, hostile ones are refused."""

from __future__ import annotations

import pytest
import torch

from policies.checker import check
from policies.proxies import PolicyViolation
from tests.policies.programs import BENIGN, HOSTILE, SHAPES, guarded, parameters, plain


@pytest.mark.parametrize("source", parameters(BENIGN))
def test_harmless_program_is_admitted(source: str) -> None:
    assert [str(finding) for finding in check(source).findings] == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", parameters(BENIGN))
def test_guarded_program_computes_the_bytes_of_plain_python(
    source: str, shape: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    expected, found = plain(source, shape), guarded(source, shape)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert torch.equal(found.contiguous().view(torch.uint8), expected.contiguous().view(torch.uint8))


@pytest.mark.parametrize("source", parameters(HOSTILE))
def test_hostile_program_is_refused_by_the_rule_that_it_names(source: str) -> None:
    expected = source.split('"""')[1].partition(":")[0]
    if expected == "runtime":
        assert check(source).verdict == "admitted"  # or else the finding belongs in its docstring
        with pytest.raises(PolicyViolation):
            guarded(source)
    else:
        assert expected in {finding.rule for finding in check(source).findings}


def test_corpora_are_as_large_as_promised() -> None:
    assert len(BENIGN) >= 170
    assert len(HOSTILE) >= 80


@pytest.mark.parametrize("source", parameters(HOSTILE))
def test_hostile_program_never_loads_or_never_ends_well(source: str) -> None:
    with pytest.raises(PolicyViolation):
        guarded(source)
