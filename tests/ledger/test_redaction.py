"""Canaries: tokens planted in every place that text comes from are not in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.ledger import EVENT_TYPES, read
from orchestrator.ledger.events import Kind
from orchestrator.ledger.redaction import may_hold_secret, redacted
from tests.ledger.written import create, skipped

BODY = "A1b2C3d4E5f6G7h8J9k0LmNoPqRsTuVwXyZ01"
CANARIES = {
    "huggingface": f"hf_{BODY}",
    "github": f"ghp_{BODY}",
    "github, fine": f"github_pat_{BODY}",
    "gitlab": f"glpat-{BODY}",
    "api key": f"sk-proj-{BODY}",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": f"AIza{BODY[:35]}",
    "slack": f"xoxb-{BODY}",
    "jwt": f"eyJ{BODY}.eyJ{BODY}.{BODY}",
    "private key": f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----",
    "private key, cut": f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}",
    "bearer": f"Authorization: Bearer {BODY}",
    "url": f"https://user:{BODY}@host/path",
}
EMPTY = {Kind.INT: 0, Kind.INT_OR_NULL: 0, Kind.BOOL: False, Kind.LIST: [], Kind.MAP: {}}
PLACES = [
    (name, key, spec.kind)
    for name, event in EVENT_TYPES.items()
    if not name.startswith(("log.", "run.completed", "run.failed", "run.interrupted"))
    for key, spec in event.keys.items()
    if spec.kind in (Kind.TEXT, Kind.LIST, Kind.MAP)
]


@pytest.mark.parametrize("canary", CANARIES)
def test_a_token_of_each_form_is_replaced_by_its_kind(canary: str) -> None:
    text = f"before {CANARIES[canary]} after"
    assert may_hold_secret(text.encode())
    assert BODY[:10] not in redacted(text)
    assert "AKIA" not in redacted(text)
    assert "[redacted: " in redacted(text)


def test_tokens_in_every_place_of_every_event_are_not_in_the_file(tmp_path: Path) -> None:
    path, secret = tmp_path / "ledger.jsonl", f"hf_{BODY}"
    planted = {Kind.TEXT: f"x {secret}", Kind.LIST: [{"deep": [secret]}], Kind.MAP: {"deep": {"er": secret}}}
    with create(path) as ledger:
        for event_type, place, kind in PLACES:
            rest = {key: EMPTY.get(spec.kind, "") for key, spec in EVENT_TYPES[event_type].keys.items()}
            written = ledger.append(event_type, secret, {**rest, place: planted[kind]})
            assert BODY not in str(written)
    assert len(PLACES) > 50
    assert BODY.encode() not in path.read_bytes()
    assert all(entry.subject in ("", "[redacted: huggingface token]") for entry in read(path))


def test_a_large_value_is_redacted_before_it_becomes_a_blob(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("dpo.skipped", "", skipped("x" * 20_000 + f" hf_{BODY} " + "y" * 20_000))
    assert all(BODY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "text",
    ["task-arithmetic of weights", "0" * 64, "i2-017", "https://host/path", "a disk-image", "higher eyJ", "sk-1"],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text
