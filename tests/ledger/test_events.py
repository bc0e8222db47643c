"""The closed list: what it refuses, and that its documentation is the table itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.events import EVENT_TYPES, reference
from orchestrator.ledger.form import require_form
from orchestrator.ledger.kinds import Kind
from tests.ledger.written import PLAINEST, VKEY, life, skipped

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_documentation_is_generated_from_the_table() -> None:
    assert DOCUMENT.read_text().endswith(reference()), "write orchestrator.ledger.events.reference() to docs/events.md"


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_type_has_a_meaning_for_itself_and_each_key(event_type: str) -> None:
    event = EVENT_TYPES[event_type]
    assert event.meaning
    assert all(key.meaning for key in event.keys.values())


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(LedgerError, match=r"dpo\.skiped"):
        require_form("dpo.skiped", skipped())


@pytest.mark.parametrize("draft", life(), ids=lambda draft: str(draft[0]))
def test_each_required_key_is_missed(draft: tuple[str, str, dict[str, Any]]) -> None:
    event_type, _, data = draft
    require_form(event_type, data)
    for key in data:
        with pytest.raises(LedgerError, match=f"missing key `{key}`"):
            require_form(event_type, {name: value for name, value in data.items() if name != key})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.TEXT, ["", "x\ny"], [1, None]),
        (Kind.DIGEST, ["", "0" * 64], ["0" * 63, "A" * 64, "0" * 64 + "\n"]),
        (Kind.DECIMAL, ["", "0", "-3", "0.8125", "1.5e-06"], ["01", ".5", "1.", "nan", "0.5\n", 1]),
        (Kind.BITS, ["", "0110"], ["012", "01\n"]),
        (Kind.NAME, ["assay/lab/01"], ["", "a b", "a+b", "x\n", "x" * 201]),
        (Kind.VKEY, [VKEY], ["", VKEY + "\n", "+" + VKEY, VKEY.replace("+", " "), "n+0123abc+AQ=="]),
        (Kind.BASE64, ["", "AQ=="], ["A*", "AQ==\n", "AQ==="]),
        (Kind.INT, [0, -5], [True, "1", None]),
        (Kind.INT_OR_NULL, [0, None], [False, "1"]),
        (Kind.BOOL, [True], [1, "true"]),
        (Kind.LIST, [[]], [{}, "[]"]),
        (Kind.MAP, [{}], [[], None]),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    event_type, key = next(
        (name, key) for name, event in EVENT_TYPES.items() for key, spec in event.keys.items() if spec.kind is kind
    )
    rest = {name: PLAINEST[spec.kind] for name, spec in EVENT_TYPES[event_type].keys.items()}
    for value in good:
        require_form(event_type, {**rest, key: value})
    for value in bad:
        with pytest.raises(LedgerError, match=f"key `{key}`"):
            require_form(event_type, {**rest, key: value})
