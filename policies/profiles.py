"""Profiles: which part of the dialect the programs of one run may use. Reads and explains; narrows nothing itself.

A profile is named by text: the name of one that ships with the policy, or the definition of a custom one in
canonical JSON (`read`), so that host, container and record speak of the very same. A custom profile may only
take away from a shipped one, unless it says `unsafe_allow`, with its reason.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

STRICT = "strict"
PAPER = "paper"
SHIPPED = (STRICT, PAPER)
MAX_DEFINITION_BYTES = 8 * 1024  # it is part of the record of a run
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_KEYS = ("name", "why", "base", "remove", "unsafe_allow", "unsafe_why")


class ProfileError(ValueError):
    """A profile that cannot be used: what was expected, what was found, what to do."""


class UnknownProfileError(ProfileError):
    """A policy profile that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profile changes of its base; names by section (`syntax`, `builtins`, a module, a type ...)."""

    name: str
    why: str
    base: str  # empty for the whole dialect
    remove: Mapping[str, frozenset[str]]
    unsafe_allow: Mapping[str, frozenset[str]]
    unsafe_why: str

    @property
    def widens(self) -> tuple[str, ...]:
        """What it permits beyond its base: `torch.empty`, `Tensor.resize_`; sorted."""
        return tuple(sorted(f"{section}.{name}" for section, names in self.unsafe_allow.items() for name in names))


def named(value: str) -> str:
    """Return the profile that people name: a shipped one, a TOML file's path, or a definition as it is.

    Raises:
        ProfileError: the file cannot be read, or holds no profile.
    """
    if value in SHIPPED or value.startswith("{"):
        return value
    try:
        return read(Path(value).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UnknownProfileError(
            f"policy profile: expected {', '.join(SHIPPED)} or a readable TOML file, found {value!r:.200}: {why}"
        ) from None


def read(text: str) -> str:
    """Return the definition of a custom profile, from its TOML, as canonical JSON: what `check` takes as a profile.

    Raises:
        ProfileError: not TOML, or not a profile. Whether its names exist, `dialect.dialect` says.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"policy profile: not TOML: {error}; mend the line that it names") from None
    return _canonical(_parsed(raw))


@cache
def profile(text: str) -> Profile:
    """Return the profile that a text names or defines.

    Raises:
        UnknownProfileError: it names none.
        ProfileError: it defines none.
    """
    if len(text) > MAX_DEFINITION_BYTES:
        raise ProfileError(
            f"policy profile: expected at most {MAX_DEFINITION_BYTES} bytes, found {len(text)}; shorten it"
        )
    if text == STRICT:
        nothing: Mapping[str, frozenset[str]] = MappingProxyType({})
        why = "the whole dialect"
        return Profile(name=STRICT, why=why, base="", remove=nothing, unsafe_allow=nothing, unsafe_why="")
    if text in SHIPPED:
        data = resources.files("policies.data").joinpath(f"{text}.toml").read_text(encoding="utf-8")
        return _parsed(tomllib.loads(data), shipped=True)
    if not text.startswith("{"):
        raise UnknownProfileError(
            f"policy profile: expected one of {sorted(SHIPPED)} or a custom one's definition, found {text!r:.80}"
        )
    try:
        return _parsed(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ProfileError(f"policy profile: not JSON: {error}; make it with `profiles.read`") from None


def _parsed(raw: Mapping[str, Any], *, shipped: bool = False) -> Profile:
    if not isinstance(raw, dict) or (unknown := sorted(set(raw) - set(_KEYS))):
        raise ProfileError(f"policy profile: expected the keys {', '.join(_KEYS)}, found {unknown or raw!r:.80}")
    name, base = _text(raw, "name"), _text(raw, "base", STRICT)
    if not _NAME.fullmatch(name):
        raise ProfileError(f"policy profile: name: expected letters, digits, '.', '_' and '-', found {name!r:.80}")
    if not shipped and name in SHIPPED:
        raise ProfileError(f"policy profile: {name} is a shipped profile's name; choose another")
    if base not in SHIPPED:
        raise ProfileError(f"policy profile: base: expected one of {', '.join(SHIPPED)}, found {base!r:.80}")
    allow, unsafe_why = _sections(raw, "unsafe_allow"), _text(raw, "unsafe_why", "")
    if bool(allow) != bool(unsafe_why.strip()):
        raise ProfileError(
            "policy profile: [unsafe_allow] and unsafe_why, its reason, come together; add what is missing"
        )
    return Profile(
        name=name,
        why=_text(raw, "why", ""),
        base=base,
        remove=_sections(raw, "remove"),
        unsafe_allow=allow,
        unsafe_why=unsafe_why,
    )


def _text(raw: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = raw.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise ProfileError(f"policy profile: {key}: expected text, found {value!r:.80}")
    return value


def _sections(raw: Mapping[str, Any], key: str) -> Mapping[str, frozenset[str]]:
    table = raw.get(key, {})
    if not isinstance(table, dict):
        raise ProfileError(f"policy profile: expected a table [{key}], found {table!r:.80}")
    return MappingProxyType({section: _names(f"[{key}] {section}", value) for section, value in table.items()})


def _names(where: str, value: object) -> frozenset[str]:
    """Names come as one text with spaces between, or as a list."""
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise ProfileError(f"policy profile: {where}: expected names with spaces between, found {value!r:.80}")
    return frozenset(words)


def _canonical(found: Profile) -> str:
    sections = {key: getattr(found, key) for key in ("remove", "unsafe_allow")}
    value = {
        **{key: getattr(found, key) for key in ("name", "why", "base", "unsafe_why")},
        **{key: {name: sorted(names) for name, names in table.items()} for key, table in sections.items()},
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    if len(text) > MAX_DEFINITION_BYTES:
        raise ProfileError(
            f"policy profile: expected at most {MAX_DEFINITION_BYTES} bytes, found {len(text)}; shorten it"
        )
    return text
