"""The dialect's data, read once: what the checker permits is what the guards hand out.

Holds names only. What a name does at run time is `proxies.py`'s business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

STRICT = "strict"
PROFILES = frozenset({STRICT})

# What a program may name in a `with` or as a decorator: (module, member).
CONTEXTS = frozenset({("torch", "no_grad"), ("torch", "inference_mode")})

# Types in `torch` that are made from lists only: with sizes they would hold uninitialised memory.
TENSOR_TYPES = frozenset(
    f"{kind}Tensor"
    for kind in ("", "Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
)

# Text methods whose result may be far longer than the text: only as methods of a text, through a guard.
PADDING = frozenset({"center", "ljust", "rjust", "zfill"})
BOUNDED_TEXT = PADDING | {"format"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Everything that a program may name. All that is missing here is refused."""

    nodes: frozenset[str]
    builtins: frozenset[str]
    modules: Mapping[str, frozenset[str]]  # dotted name -> members
    types: Mapping[str, frozenset[str]]  # kind of value -> attributes
    attributes: frozenset[str]  # of any value: the union of `types`
    keywords: frozenset[str]
    refused_keywords: Mapping[str, str]  # name -> remedy
    remedies: Mapping[str, Mapping[str, str]]  # family -> name -> what to write instead


class UnknownProfileError(ValueError):
    """A policy profile that does not exist."""


def dialect(profile: str = STRICT) -> Dialect:
    """Return the dialect of a profile.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    if profile not in PROFILES:
        raise UnknownProfileError(f"policy profile: expected one of {sorted(PROFILES)}, found {profile!r}")
    return _load()


@cache
def _load() -> Dialect:
    syntax, python, torch = _read("syntax"), _read("python"), _read("torch")
    keywords, refused = _read("keywords"), _read("refused")
    types = _by_key(python["group"], "type")
    types["Tensor"] = _names(group for group in _read("tensor")["group"] if "type" not in group)
    types["result"] = _names(group for group in _read("tensor")["group"] if group.get("type") == "result")
    return Dialect(
        nodes=_names(syntax["group"]),
        builtins=_by_key(python["group"], "kind")["builtin"],
        modules=_by_key(torch["group"], "module") | _by_key(python["group"], "module"),
        types=types,
        attributes=frozenset().union(*types.values()),
        keywords=_names(keywords["group"]),
        refused_keywords=keywords["refused"],
        remedies={"node": syntax["remedy"], **refused},
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("policies.data").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _names(groups: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Join the names of groups; a group without a reason or names is a mistake in the data."""
    names: set[str] = set()
    for group in groups:
        found = group["names"].split()
        if not found or not group["reason"]:
            raise ValueError(f"policy data: expected names and a reason in every group, found {group}")
        names.update(found)
    return frozenset(names)


def _by_key(groups: Iterable[Mapping[str, str]], key: str) -> dict[str, frozenset[str]]:
    grouped: dict[str, list[Mapping[str, str]]] = {}
    for group in groups:
        if key in group:
            grouped.setdefault(group[key], []).append(group)
    return {value: _names(members) for value, members in grouped.items()}
