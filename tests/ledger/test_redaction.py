"""Tokens planted in every place of every event are not in the file, and the event says what was taken out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.credentials import net
from orchestrator.errors import LedgerError
from orchestrator.ledger import EVENT_TYPES, read, verify
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.form import free_text, require_form
from orchestrator.ledger.kinds import Kind
from orchestrator.ledger.redaction import may_hold_secret
from tests.ledger.written import PLAINEST, create, skipped
from tests.planted import BODY, CANARIES, OWN, own_secret

TOKEN = f"hf_{BODY}"
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
            rest = {key: PLAINEST[spec.kind] for key, spec in EVENT_TYPES[event_type].keys.items()}
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


def test_a_digest_that_is_a_secret_elsewhere_stays_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "ab12" * 16
    with a_secret(monkeypatch, secret), create(tmp_path / "ledger.jsonl") as ledger:
        written = ledger.append("report.written", "", {"sha256": secret, "bytes": 5, "note": f"see {secret}"})
    assert written.data["sha256"] == secret
    assert secret not in written.data["note"]
    assert verify(tmp_path / "ledger.jsonl").complete


def test_a_verifier_key_and_a_signature_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vkey = "witness.example+0123abcd+" + "A" * 44
    data = {"size": 1, "root": "0" * 64, "witness": vkey, "time": 1, "cosignature": f"AIza{BODY[:35]}" + "A" * 65}
    with a_secret(monkeypatch, vkey), create(tmp_path / "ledger.jsonl") as ledger:
        assert ledger.append("checkpoint.witnessed", "", data).data == data


def test_the_names_of_an_events_own_keys_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_secret(monkeypatch, "config_sha256"), create(tmp_path / "ledger.jsonl") as ledger:
        written = ledger.append("dpo.skipped", "", {**skipped("the config_sha256"), "config_sha256": "x"})
    assert set(written.data) == {*skipped(), "[redacted: environment SOME_KEY]", "redacted"}
    assert verify(tmp_path / "ledger.jsonl").complete


@contextlib.contextmanager
def a_secret(monkeypatch: pytest.MonkeyPatch, value: str) -> Iterator[None]:
    """Have this value in the environment under a secret's name."""
    monkeypatch.setenv("SOME_KEY", value)
    net.cache_clear()
    yield
    monkeypatch.delenv("SOME_KEY")
    net.cache_clear()


def test_nobody_else_may_say_so(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError, match="`redacted`"):
        ledger.append("dpo.skipped", "", {**skipped(), "redacted": {"api key": 1}})


def test_a_large_value_is_redacted_before_it_becomes_a_blob(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("dpo.skipped", "", skipped("x" * 20_000 + f" {TOKEN} " + "y" * 20_000))
    assert all(BODY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@given(st.data())
def test_what_has_a_form_of_its_own_holds_no_token(data: st.DataObject) -> None:
    """Only free text is looked at: so no token may pass for a digest, a number or the like.

    Names, keys and signatures may look like one by chance; a configuration that names a run so is refused.
    """
    event_type = data.draw(st.sampled_from(sorted(EVENT_TYPES)))
    token = data.draw(st.sampled_from(sorted(CANARIES.values())))
    keys = EVENT_TYPES[event_type].keys
    example = {key: PLAINEST[spec.kind] for key, spec in keys.items() if spec.required or data.draw(st.booleans())}
    chance = [key for key, spec in keys.items() if spec.kind in (Kind.NAME, Kind.VKEY, Kind.BASE64)]
    for key in {*example, "another"} - {*chance}:
        said = {**example, key: token}
        with contextlib.suppress(LedgerError):
            require_form(event_type, said)
            assert may_hold_secret(canonical(free_text(event_type, said)))
