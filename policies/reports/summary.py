"""A program's capabilities in one line, from their JSON form: the ledger's readers have nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHOWN = 8  # names of a list


def sentence(value: Mapping[str, Any]) -> str:
    """Return what a program uses, in one line; the counts are of what is written in it."""
    parts = [
        _listed("torch", value["torch"]),
        _listed("tensor", value["tensor"]),
        _listed("builtins", value["builtins"]),
        _listed("standard library", value["standard"]),
        _loops(value["loops"]),
        _listed("random numbers", value["random"]),
        _listed("decides by", [f"{name} {count}x" for name, count in value["branches"].items() if count]),
        _listed("converts", value["conversions"]),
        _listed("numbers", value["constants"]),
        _listed("helpers", value["helpers"]),
        _listed("recursive", value["recursive"]),
        _listed("asks for", value["extras"]),
        f"{value['size']['lines']} lines, {value['size']['nodes']} nodes",
    ]
    return "; ".join(part for part in parts if part)


def _listed(title: str, names: Mapping[str, int] | Sequence[str]) -> str:
    """Return `title: a, b and 3 more`, the most frequent first; nothing for nothing."""
    if not names:
        return ""
    ordered = sorted(names, key=lambda name: (-names[name], name)) if isinstance(names, Mapping) else list(names)
    more = len(ordered) - _SHOWN
    return f"{title}: {', '.join(ordered[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")


def _loops(loops: Mapping[str, int]) -> str:
    kinds = [f"{loops[kind]} {kind}" for kind in ("for", "while", "comprehension") if loops[kind]]
    return f"loops: {', '.join(kinds)}, {loops['depth']} deep" if kinds else "no loops"
