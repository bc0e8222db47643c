"""Tokens planted in every place of every event are not in the file, and the event says what was taken out."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import LedgerError
from orchestrator.ledger import EVENT_TYPES, read, verify
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.events import Kind
from orchestrator.ledger.form import free_text, require_form
from orchestrator.ledger.redaction import may_hold_secret
from tests.ledger.written import create, skipped
from tests.planted import BODY, CANARIES, OWN, own_secret

TOKEN = f"hf_{BODY}"
EMPTY = {Kind.INT: 0, Kind.INT_OR_NULL: 0, Kind.BOOL: False, Kind.LIST: [], Kind.MAP: {}}
PLACES = [
    (name, key, spec.kind)
    for name, event in EVENT_TYPES.items()
    if not name.startswith(("log.", "run.completed", "run.failed", "run.interrupted"))
    for key, spec in event.keys.items()
    if spec.kind in (Kind.TEXT, Kind.LIST, Kind.MAP)
]


@pytest.mark.parametrize("secret", [TOKEN, OWN])
def test_tokens_in_every_place_of_every_event_are_not_in_the_file(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "ledger.jsonl"
    planted = {Kind.TEXT: f"x {secret}", Kind.LIST: [{"deep": [secret]}], Kind.MAP: {"deep": {"er": secret}, secret: 1}}
    with own_secret(), create(path) as ledger:
        for event_type, place, kind in PLACES:
            rest = {key: EMPTY.get(spec.kind, "") for key, spec in EVENT_TYPES[event_type].keys.items()}
            written = ledger.append(event_type, secret, {**rest, place: planted[kind]})
            assert secret not in str(written)
    assert len(PLACES) > 50
    assert secret.encode() not in path.read_bytes()
    marks = ("", "[redacted: huggingface token]", "[redacted: environment PLANTED_TOKEN]")
    assert all(entry.subject in marks for entry in read(path))
    assert verify(path).intact


def test_an_event_says_what_was_taken_out_of_it_and_how_often(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        written = ledger.append("dpo.skipped", "", {**skipped(f"{TOKEN} sk-{BODY}"), "more": [TOKEN]})
        plain = ledger.append("dpo.skipped", "", skipped("https://host/path"))
    assert written.data["redacted"] == {"api key": 1, "huggingface token": 2}
    assert list(read(tmp_path / "ledger.jsonl"))[1].data == written.data
    assert "redacted" not in plain.data


def test_nobody_else_may_say_so(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError, match="`redacted`"):
        ledger.append("dpo.skipped", "", {**skipped(), "redacted": {"api key": 1}})


def test_a_large_value_is_redacted_before_it_becomes_a_blob(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("dpo.skipped", "", skipped("x" * 20_000 + f" {TOKEN} " + "y" * 20_000))
    assert all(BODY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@given(st.data())
def test_what_has_a_form_of_its_own_holds_no_token(data: st.DataObject) -> None:
    """Only free text is looked at: so no token may pass for a digest, a number or the like."""
    event_type = data.draw(st.sampled_from(sorted(EVENT_TYPES)))
    token = data.draw(st.sampled_from(sorted(CANARIES.values())))
    keys = EVENT_TYPES[event_type].keys
    example = {key: EMPTY.get(spec.kind, "") for key, spec in keys.items() if spec.required or data.draw(st.booleans())}
    for key in (*example, "another"):
        said = {**example, key: token}
        with contextlib.suppress(LedgerError):
            require_form(event_type, said)
            assert may_hold_secret(canonical(free_text(event_type, said)))
