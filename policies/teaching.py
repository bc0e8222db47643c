"""What a writer of programs is told of the dialect: plain text from the very data that the checker decides by.

For a factory's prompt, so it is short: names without their reasons, in-place functions and exceptions left out,
and what to write instead of what is tried most.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from policies.dialect import Dialect, dialect
from policies.profiles import STRICT

WIDTH = 110
_TITLED = ("typing", "collections.abc")  # members that stand for nothing at run time: named by their module
_INSTEAD = ("node", "module", "attribute")  # families of remedies; the others would make a prompt of their own


def section(profile: str = STRICT) -> str:
    """Return what a program may use under a profile, and what to write instead of the rest.

    Raises:
        ProfileError: there is no such profile.
    """
    permitted = dialect(profile)
    return "\n".join(
        (
            "What a program may use; anything else is refused before it runs:",
            _line("import", permitted.modules),
            *(_line(f"from {name}", _told(permitted.modules[name])) for name in _listed(permitted)),
            _methods(permitted),
            _line("builtins", _told(permitted.builtins)),
            "Write instead:",
            *_instead(permitted),
        )
    )


def _listed(permitted: Dialect) -> list[str]:
    """Return the modules whose members are listed, torch first."""
    return sorted((name for name in permitted.modules if name not in _TITLED), key=lambda name: (name != "torch", name))


def _told(names: Iterable[str]) -> Iterable[str]:
    return (name for name in names if not name.endswith(("_", "Error", "Warning")))


def _methods(permitted: Dialect) -> str:
    """Name what tensors have besides torch's own names."""
    functions, methods = permitted.modules["torch"], permitted.types["Tensor"]
    besides = {name for name in methods if name.rstrip("_") not in functions}
    return _line("methods of tensors: the names from torch, many with an underscore for in place; besides", besides)


def _instead(permitted: Dialect) -> Iterable[str]:
    for family in _INSTEAD:
        names_by_remedy: dict[str, list[str]] = {}
        for name, remedy in sorted(permitted.remedies[family].items()):
            names_by_remedy.setdefault(remedy, []).append(name)
        yield from (f"- {', '.join(names)}: {remedy}" for remedy, names in names_by_remedy.items())


def _line(title: str, names: Iterable[str] | Mapping[str, object]) -> str:
    return textwrap.fill(f"- {title}: {' '.join(sorted(names))}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
