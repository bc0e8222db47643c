"""A configuration is read whole or refused by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import RunConfig, known_keys, load_config, parse_config
from orchestrator.errors import ConfigError
from policies.profiles import profile
from tests.commands import ROOT

LEAST: dict[str, Any] = {"name": "x", "models": {"seed": "a", "candidates": {"b": "c"}}}


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_valid(example: Path) -> None:
    assert load_config(example).name


def test_the_temperature_follows_the_papers_schedule() -> None:
    config = parse_config(LEAST, source="test")
    assert [round(config.temperature(t), 3) for t in (1, 2, 3)] == [1.2, 1.0, 0.857]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"iteratons": 3}, "did you mean `iterations`"),
        ({"evaluate": {"dev_item": 3}}, "did you mean `evaluate.dev_items`"),
        ({"container": {"learn": "none"}}, "did you mean `learn` (at the top of the file"),
        ({"seed": -1}, "key `seed`"),
        ({"learn": "ppo"}, "'dpo' or 'none'"),
        ({"name": "../up"}, "key `name`"),
        ({"keep_best": 1}, "keep_best = 1 is below"),
        ({"require": ["landlok"]}, "key `require`: unknown protection `landlok`; did you mean `landlock`?"),
        ({"require": ["moat"]}, "unknown protection `moat`; known are no-network, no-capabilities"),
        ({"container": {"require": ["landlock"]}}, "did you mean `require` (at the top of the file"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({**LEAST, **change}, source="test")
    assert named in str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"name": "x", "sed": 3, "programs": 0}, source="test")
    assert all(key in str(caught.value) for key in ("`models`", "`sed`", "`programs`"))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "c.toml")


def test_what_a_profile_s_file_says_becomes_part_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text('name = "ours"\n[remove]\nbuiltins = "print"\n')
    config = parse_config({**LEAST, "policy": str(path)}, source="test")
    path.unlink()
    assert profile(config.policy).remove == {"builtins": frozenset({"print"})}
    assert parse_config(config.model_dump(mode="json"), source="its record") == config


@pytest.mark.parametrize(
    ("text", "named"),
    [(None, "No such file"), ("name = 3", "name: expected text"), ('name = "x"\n[remove]\ntorch = "ad"', "torch")],
)
def test_a_profile_s_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, named: str) -> None:
    path = tmp_path / "ours.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        parse_config({**LEAST, "policy": str(path)}, source="test")


def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="key `policy`: policy profile: expected strict, paper"):
        parse_config({**LEAST, "policy": "loose"}, source="test")


def test_every_key_is_described() -> None:
    for path in known_keys():
        section: Any = RunConfig
        for part in path[:-1]:
            section = section.model_fields[part].annotation
        assert section.model_fields[path[-1]].description, f"{'.'.join(path)} has no description"
