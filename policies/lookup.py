"""Says of a name that a program might use whether it is permitted, why or why not, and what to write instead.

Reads what the checker reads, with the reasons beside it; for people, who ask about one name at a time. What
a name means in a given program is the checker's business.
"""

from __future__ import annotations

import builtins
import difflib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from policies import reasons
from policies.dialect import Dialect, dialect
from policies.profiles import STRICT
from policies.rulebook import rulebook

KINDS = ("builtin", "module", "member", "attribute", "node", "keyword")
_RULES = {
    "builtin": "policy.builtin",
    "module": "policy.import",
    "member": "policy.member",
    "attribute": "policy.attribute",
    "node": "policy.node",
    "keyword": "policy.keyword",
}
_UNKNOWN = "nobody has looked at it: what is not on a list is refused"
_WIDENED = "the profile allows it, though the dialect refuses it"
_STAND_IN = "a stand-in that holds the permitted members and nothing else"
_UNDERSCORE = "names with a leading underscore lead to the machinery behind a value"
_TENSOR = "torch.Tensor"
# Types that share a list of attributes in the data.
_ALIASES = {_TENSOR: "Tensor", "int": "number", "float": "number", "bool": "number", "complex": "number"} | {
    f"torch.{name}": name for name in ("Size", "device", "dtype", "finfo", "Generator")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The policy's word on one name."""

    kind: str  # one of KINDS
    name: str  # as it is written in a program, with what it belongs to: `torch.load`, `Tensor.numpy`, `eval`
    permitted: bool
    why: str
    instead: str  # what to write; empty where it is permitted, or nothing comes near
    rule: str  # that refuses it


def look_up(query: str, profile: str = STRICT) -> tuple[Named, ...]:
    """Return everything that `query` can mean: `torch.load`, `Tensor.numpy`, `builtin eval`, or a bare `numpy`.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    of_profile = dialect(profile)
    first, _, rest = query.strip().partition(" ")
    kind, name = (first, rest.strip()) if first in KINDS and rest.strip() else ("", query.strip())
    found = list(_meanings(kind, name.removesuffix("()"), of_profile))
    return tuple(found) or (_part(name, of_profile),)


def _meanings(kind: str, name: str, of_profile: Dialect) -> Iterator[Named]:
    owner, _, last = name.rpartition(".")
    if kind in ("", "module") and (name in of_profile.modules or name in of_profile.remedies["module"]):
        yield _module(name, of_profile)
    if owner and kind in ("", "member") and owner in of_profile.modules and name not in of_profile.modules:
        yield _member(owner, last, of_profile)
    if owner and kind in ("", "attribute") and _ALIASES.get(owner, owner) in of_profile.types:
        yield _attribute(owner, last, of_profile)
    if not owner:
        yield from _bare(kind, name, of_profile)


def _part(name: str, of_profile: Dialect) -> Named:
    """Judge a dotted name that means nothing as a whole by its first part that is refused: `torch.jit` of the rest."""
    parts = name.split(".")
    known = [end for end in range(1, len(parts)) if ".".join(parts[:end]) in of_profile.modules]
    if not known:
        return _module(name, of_profile)
    return _member(".".join(parts[: known[-1]]), parts[known[-1]], of_profile)


def _bare(kind: str, name: str, of_profile: Dialect) -> Iterator[Named]:
    """A name without what it belongs to: everything of that name that the policy or Python knows."""
    if kind == "builtin" or (not kind and (name in of_profile.builtins or hasattr(builtins, name))):
        yield _builtin(name, of_profile)
    if kind in ("", "node") and (name in _names_of("node") or name in of_profile.remedies["node"]):
        yield _node(name, of_profile)
    known = of_profile.modules.keys() | of_profile.remedies["module"].keys()
    if name not in known and (kind == "module" or (not kind and name in sys.stdlib_module_names)):
        yield _module(name, of_profile)
    if kind in ("", "member"):
        for module in of_profile.modules:
            if f"{module}.{name}" not in of_profile.modules and _is_member(module, name, of_profile):
                yield _member(module, name, of_profile)
    if kind in ("", "attribute"):
        owners = [owner for owner, names in of_profile.types.items() if name in names]
        if not owners and (kind or name in of_profile.remedies["attribute"] or reasons.why_denied(_TENSOR, name)):
            owners = ["Tensor"]
        for owner in owners:
            yield _attribute(owner, name, of_profile)
    if kind == "keyword" or (not kind and (name in of_profile.keywords or name in of_profile.refused_keywords)):
        yield _keyword(name, of_profile)


def _builtin(name: str, of_profile: Dialect) -> Named:
    remedy = of_profile.remedies["builtin"].get(name, "")
    rule = _RULES["builtin"] if remedy else "policy.unknown-name"
    return _named("builtin", name, name, of_profile.builtins, why="", remedy=remedy, rule=rule)


def _node(name: str, of_profile: Dialect) -> Named:
    return _named("node", name, name, of_profile.nodes, why="", remedy=of_profile.remedies["node"].get(name, ""))


def _module(name: str, of_profile: Dialect) -> Named:
    known = of_profile.remedies["module"]
    top = name if name in of_profile.modules or name in known else name.partition(".")[0]
    return _named("module", top, top, frozenset(of_profile.modules), why="", remedy=known.get(top, ""))


def _member(module: str, name: str, of_profile: Dialect) -> Named:
    family = "torch" if module.startswith("torch") else "attribute"
    return _named(
        "member",
        f"{module}.{name}",
        name,
        of_profile.modules[module],
        why=reasons.why_denied(module, name),
        remedy=of_profile.remedies[family].get(name, ""),
        of=module,
    )


def _attribute(owner: str, name: str, of_profile: Dialect) -> Named:
    kind = _ALIASES.get(owner, owner)
    return _named(
        "attribute",
        f"{'Tensor' if kind == 'Tensor' else owner}.{name}",
        name,
        of_profile.types[kind],
        why=reasons.why_denied(_TENSOR, name) if kind == "Tensor" else "",
        remedy=of_profile.remedies["attribute"].get(name, ""),
        of=kind,
    )


def _keyword(name: str, of_profile: Dialect) -> Named:
    remedy = of_profile.refused_keywords.get(name, "")
    return _named("keyword", f"{name}=", name, of_profile.keywords, why="", remedy=remedy)


def _named(
    kind: str,
    shown: str,
    name: str,
    choices: frozenset[str],
    *,
    why: str,
    remedy: str,
    of: str = "",
    rule: str = "",
) -> Named:
    rule = rule or _RULES[kind]
    if name in choices and not name.startswith("_"):
        reason = _reasons().get((kind, of), {}).get(name, "") or (_WIDENED if of else _STAND_IN)
        return Named(kind=kind, name=shown, permitted=True, why=reason, instead="", rule=rule)
    why = why or (rulebook()[rule].why if remedy or kind == "module" else _UNKNOWN)
    if name.startswith("_"):
        return Named(kind=kind, name=shown, permitted=False, why=_UNDERSCORE, instead=remedy, rule=rule)
    return Named(
        kind=kind, name=shown, permitted=False, why=why, instead=remedy or _nearest(name, choices, kind), rule=rule
    )


def _nearest(name: str, choices: frozenset[str], kind: str) -> str:
    """Return the permitted name that is most like a refused one; a module like another is no substitute for it."""
    near = difflib.get_close_matches(name, sorted(choices), n=1) if kind != "module" else []
    return f"did you mean {near[0]}?" if near else ""


def _is_member(module: str, name: str, of_profile: Dialect) -> bool:
    return name in of_profile.modules[module] or bool(reasons.why_denied(module, name))


def _names_of(kind: str) -> Mapping[str, str]:
    return _reasons()[kind, ""]


@cache
def _reasons() -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Return (kind, what it belongs to) -> name -> the reason of its group."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for file in ("syntax", "python", "torch", "tensor", "keywords"):
        text = resources.files("policies.data").joinpath(f"{file}.toml").read_text(encoding="utf-8")
        for group in tomllib.loads(text)["group"]:
            names = found.setdefault(_place(file, group), {})
            names.update(dict.fromkeys(group["names"].split(), group["reason"]))
    return found


def _place(file: str, group: Mapping[str, str]) -> tuple[str, str]:
    if "module" in group:
        return "member", group["module"]
    if file == "tensor" or "type" in group:
        return "attribute", group.get("type", "Tensor")
    return {"syntax": "node", "keywords": "keyword", "python": group.get("kind", "builtin")}[file], ""
