"""What is taken for a credential, and what is not: known forms, the process's own secrets, and no ordinary text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from orchestrator.candidate import cleaned, source_digest
from orchestrator.config import parse_config, require_no_credentials
from orchestrator.credentials import may_hold_credential, net, net_of, redacted, shown
from orchestrator.errors import ConfigError
from tests.commands import ROOT
from tests.planted import BODY, CANARIES, OWN, own_secret, planted_program


@pytest.mark.parametrize("canary", CANARIES)
def test_a_token_of_each_form_is_replaced_by_its_kind(canary: str) -> None:
    for text in (f"before {CANARIES[canary]} after", f"before\\n{CANARIES[canary]}", f"({CANARIES[canary]})"):
        assert may_hold_credential(text.encode())
        assert BODY[:10] not in redacted(text)
        assert "AKIA" not in redacted(text)
        assert "[redacted: " in redacted(text)


@pytest.mark.parametrize("name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY_BASE", "db_password", "X_APIKEY"])
def test_the_value_of_a_variable_that_is_named_like_a_secret_is_replaced_wherever_it_stands(name: str) -> None:
    own = net_of({name: OWN})
    assert own.redacted([f"x{OWN}y", {OWN: 1}], Counter()) == [
        f"x[redacted: environment {name}]y",
        {f"[redacted: environment {name}]": 1},
    ]
    assert own.mark.search(f'{{"x":"{OWN}"}}'.encode())


@pytest.mark.parametrize(
    "variable",
    [
        ("TOKENIZERS_PARALLELISM", "false-or-true-1"),
        ("KEYBOARD_LAYOUT", "us-dvorak-2000"),
        ("ASSAY_KEYS", "/tmp/assay/not-there-yet-1"),  # noqa: S108
        ("GOOGLE_CREDENTIALS_FILE", "anything-1234567890"),
        ("PWD", "anything-1234567890"),
        ("FEATURE_KEY", "short1"),
        ("FEATURE_KEY", "admitted"),
        ("FEATURE_KEY", "task_arithmetic"),
        ("FEATURE_KEY", "1234567890123456789"),
        ("FEATURE_KEY", "internationalization"),
    ],
    ids=str,
)
def test_places_words_and_numbers_are_no_secrets_whatever_a_variable_is_named(variable: tuple[str, str]) -> None:
    assert net_of(dict([variable])).kinds == net_of({}).kinds


def test_a_short_secret_counts_as_a_whole_word_only() -> None:
    own = net_of({"DB_PASSWORD": "hunter22"})
    assert own.redacted("hunter22!", Counter()) == "[redacted: environment DB_PASSWORD]!"
    assert own.redacted("0hunter22f", Counter()) == "0hunter22f"


def test_a_token_is_found_before_the_text_is_cut() -> None:
    token = CANARIES["huggingface"]
    assert token[:12] not in shown("x" * 90 + token, 110)
    assert len(shown("x" * 90 + token, 110)) == 110


@pytest.mark.parametrize(
    "text",
    [
        "task-arithmetic of weights",
        "0" * 64,
        "i2-017",
        "https://host/path",
        "a disk-image",
        "higher eyJ",
        "sk-1",
        "sk-learn-like-estimators-of-many-kinds",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text


def test_none_of_our_own_programs_documents_and_prompts_is_taken_for_one() -> None:
    for path in (*ROOT.glob("examples/**/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("orchestrator/**/*.py")):
        if path.name not in ("credentials.py", "events.md"):
            text = path.read_text()
            assert redacted(text) == text, path


def test_a_cleaned_program_has_the_digest_of_what_is_left() -> None:
    program = planted_program("x-000", CANARIES["github"])
    found = cleaned(program)
    assert BODY not in found.source
    assert found.digest == source_digest(found.source) != program.digest
    assert found.taken_out == (("github token", 2),)
    assert cleaned(found) is found


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("models.seed", {"models": {"seed": f"/models/hf_{BODY}", "candidates": {"b": "c"}}}),
        ("models.candidates.", {"models": {"seed": "a", "candidates": {f"hf_{BODY}": "c"}}}),
        ("evaluate.data", {"evaluate": {"data": f"https://me:{BODY}@host/items"}}),
        ("name", {"name": f"glpat-{BODY}"}),
        ("generate.scripts", {"generate": {"scripts": OWN}}),
    ],
)
def test_a_configuration_that_holds_a_credential_is_refused_without_its_value(
    key: str, change: dict[str, object]
) -> None:
    base = {"name": "x", "models": {"seed": "a", "candidates": {"b": "c"}}}
    with own_secret(), pytest.raises(ConfigError, match=key) as caught:
        require_no_credentials(parse_config({**base, **change}, source="test"))
    assert not {BODY, OWN} & set(str(caught.value).replace("'", " ").split())
    assert BODY not in str(caught.value)


def test_a_reason_in_a_profile_s_file_counts_too(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(f'name = "mine"\nunsafe_why = "sk-{BODY}"\n[unsafe_allow]\ntorch = "empty"\n')
    raw = {"name": "x", "policy": str(file), "models": {"seed": "a", "candidates": {"b": "c"}}}
    with pytest.raises(ConfigError, match="policy"):
        require_no_credentials(parse_config(raw, source="test"))


def test_the_environment_is_read_once() -> None:
    assert net() is net()
