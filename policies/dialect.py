"""The dialect's data, read once: what the checker permits is what the guards hand out.

Holds names only. What a name does at run time is `proxies.py`'s business.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from policies.profiles import STRICT, Profile, ProfileError, profile

# What a program may name in a `with`, and as a decorator besides its own functions: (module, member).
CONTEXTS = frozenset({("torch", "no_grad"), ("torch", "inference_mode")})
DECORATORS = CONTEXTS | {("functools", "lru_cache"), ("functools", "cache"), ("functools", "wraps")}

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


@cache
def dialect(name: str = STRICT) -> Dialect:
    """Return the dialect of a profile: a shipped one's name, or a custom one's definition (`profiles.read`).

    Raises:
        UnknownProfileError: there is no such profile.
        ProfileError: it takes away what is not there, or allows what cannot be.
    """
    chosen = profile(name)
    if not chosen.base:
        return _load()
    return _widened(_narrowed(dialect(chosen.base), chosen), chosen)


def _narrowed(base: Dialect, chosen: Profile) -> Dialect:
    """Take away; a name that is not there is a slip that would leave something open, and refused."""
    sections = _sections(base)
    if "torch" in chosen.remove.get("modules", ()):
        raise ProfileError("policy profile: [remove] modules: torch cannot be spared; remove members of it")
    for section, names in chosen.remove.items():
        if section not in sections:
            raise _unknown(f"[remove] {section}", section, sections)
        if missing := sorted(names - sections[section]):
            raise _unknown(f"[remove] {section}: {missing[0]}", missing[0], sections[section])
    narrowed = _changed(base, {section: sections[section] - names for section, names in chosen.remove.items()})
    return replace(narrowed, remedies=_with_removed(base.remedies, chosen))


_FAMILIES = {"syntax": "node", "builtins": "builtin", "modules": "module"}


def _with_removed(remedies: Mapping[str, Mapping[str, str]], chosen: Profile) -> Mapping[str, Mapping[str, str]]:
    """Let findings say that a name is missing from the profile, not from the dialect."""
    said = {family: dict(texts) for family, texts in remedies.items()}
    for section, names in chosen.remove.items():
        family = _FAMILIES.get(section) or ("torch" if section.startswith("torch") else "attribute")
        said[family].update(dict.fromkeys(names, f"the profile {chosen.name} leaves it out"))
        if section == "modules":  # a module is reached as a member of its parent, too
            members = {name.rpartition(".")[2]: f"the profile {chosen.name} leaves it out" for name in names}
            said["torch"].update(members)
    return said


def _widened(base: Dialect, chosen: Profile) -> Dialect:
    """Allow members of modules of torch and attributes of types; nothing else has a way to be had."""
    sections = _sections(base)
    allowed = {name for name in (*base.modules, *base.types) if name.startswith("torch") or name in base.types}
    for section, names in chosen.unsafe_allow.items():
        if section not in allowed:
            raise _unknown(f"[unsafe_allow] {section}", section, allowed)
        for name in sorted(names):
            if not name.isidentifier() or name.startswith("_") or name in sections[section]:
                raise ProfileError(
                    f"policy profile: [unsafe_allow] {section}: expected names without a leading underscore that "
                    f"the base refuses, found {name!r:.80}; leave it out"
                )
    return _changed(base, {section: sections[section] | names for section, names in chosen.unsafe_allow.items()})


def _sections(of: Dialect) -> dict[str, frozenset[str]]:
    """Return what a profile may name, by section."""
    named = {"syntax": of.nodes, "builtins": of.builtins, "keywords": of.keywords, "modules": frozenset(of.modules)}
    return {**of.types, **of.modules, **named}


def _changed(of: Dialect, changes: Mapping[str, frozenset[str]]) -> Dialect:
    """Return the dialect with some sections exchanged; a module that goes is no member of its parent, either."""
    sections = {**_sections(of), **changes}
    kept = sections["modules"]
    gone = frozenset(of.modules) - kept
    modules = {
        name: frozenset(member for member in sections[name] if f"{name}.{member}" not in gone)
        for name in of.modules
        if name in kept
    }
    types = {name: sections[name] for name in of.types}
    return replace(
        of,
        nodes=sections["syntax"],
        builtins=sections["builtins"],
        keywords=sections["keywords"],
        modules=modules,
        types=types,
        attributes=frozenset().union(*types.values()),
    )


def _unknown(where: str, name: str, choices: Iterable[str]) -> ProfileError:
    near = difflib.get_close_matches(name, sorted(choices), n=1)
    remedy = f"did you mean {near[0]}?" if near else "`assay policy list` and the data files say what there is"
    return ProfileError(f"policy profile: {where:.120}: no such thing to name here; {remedy}")


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
