"""The canonical form: RFC 8785 is the oracle for what it takes, and everything else is refused."""

from __future__ import annotations

import math
from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import MAX_DEPTH, MAX_INT, canonical, decimal, decimals, decode

KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=30)


@given(VALUES)
def test_rfc8785_gives_the_same_bytes(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(VALUES)
def test_what_was_encoded_reads_back_equal(value: object) -> None:
    assert decode(canonical(value)) == value


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_refused_or_read_back_as_themselves(data: bytes) -> None:
    try:
        value = decode(data)
    except LedgerError:
        return
    assert canonical(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":123456789012345678901234567890}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\/"}',
        b'{"a":"\xff"}',
        b'{"\xc3\xa9":1}',
        b"[" * 5000,
        b"[" * 40 + b"]" * 40,
        b"\xef\xbb\xbf{}",
        b"",
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(data)


@pytest.mark.parametrize(
    "value",
    [1.5, math.nan, math.inf, 2**53, -(2**53), "\ud800", b"bytes", {1: 2}, {"é": 1}, {"\x1b": 1}, {1, 2}, object()],
)
def test_values_without_one_spelling_are_refused(value: object) -> None:
    with pytest.raises(LedgerError):
        canonical({"at": [value]})


def test_the_place_of_a_bad_value_is_named() -> None:
    with pytest.raises(LedgerError, match=r"\$\.data\.scores\[1\].*float"):
        canonical({"data": {"scores": [1, 0.5]}})


def test_nesting_is_bounded() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    canonical(value)
    with pytest.raises(LedgerError, match="nesting"):
        canonical([value])


def test_an_enum_is_written_as_its_value() -> None:
    class Stage(StrEnum):
        RUN = "run"

    assert canonical({"stage": Stage.RUN}) == b'{"stage":"run"}'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_reads_back_as_the_same_number(number: float) -> None:
    assert float(decimal(number)) == number


def test_a_number_without_a_value_has_no_decimal() -> None:
    with pytest.raises(LedgerError, match="finite"):
        decimal(math.nan)


def test_floats_anywhere_become_decimals() -> None:
    assert decimals({"a": [0.5, 1, {"b": (1e-6, True)}]}) == {"a": ["0.5", 1, {"b": ["1e-06", True]}]}
