"""Why names of torch are permitted or denied: for messages and for the table, never for a verdict.

Nothing is refused because it is listed as denied: what `dialect.py` does not permit is refused anyway. The data is
large, and read only when somebody asks, so that checking a harmless program does not wait for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

TENSOR = "torch.Tensor"
Reasons = Mapping[str, Mapping[str, str]]  # namespace -> name -> reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Names with their reasons, as one kind of data file has them."""

    reasons: Reasons
    twice: tuple[str, ...]  # dotted names that stand in two groups of the same kind


@cache
def permitted() -> Listed:
    """Return the reason of every name of torch that programs may use."""
    tensor = [{**group, "module": TENSOR} for group in _read("tensor")["group"] if "type" not in group]
    return _listed([*_read("torch")["group"], *tensor])


@cache
def denied() -> Listed:
    """Return the reason of every public name of torch that programs may not use."""
    return _listed(_read("denied")["group"])


@cache
def made_for() -> str:
    """Return the version of torch whose names were looked at."""
    return str(_read("denied")["torch"])


@cache
def sometimes() -> frozenset[str]:
    """Return the dotted names that torch has only where another package is installed."""
    return frozenset(_read("denied")["sometimes"].split())


def why_denied(namespace: str, name: str) -> str:
    """Return why a name is refused, in a few words; empty where the table does not know it."""
    return denied().reasons.get(namespace, {}).get(name, "")


def _listed(groups: Iterable[Mapping[str, str]]) -> Listed:
    reasons: dict[str, dict[str, str]] = {}
    twice: list[str] = []
    for group in groups:
        known = reasons.setdefault(group["module"], {})
        for name in group["names"].split():
            if name in known:
                twice.append(f"{group['module']}.{name}")
            known[name] = group["reason"]
    return Listed(reasons=reasons, twice=tuple(twice))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("policies.data").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
