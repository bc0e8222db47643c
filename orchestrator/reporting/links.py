"""Numbers of entries as links to the page's last table, which says what each entry is. Pure: indices in, markup out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from orchestrator.reporting.facts import spans

_MOST = 4  # runs of indices shown at once; the others are behind a click


def linked(indices: Sequence[int]) -> Markup:
    """Return all indices as people write them, the ends of each run as links."""
    return _links(spans(indices, most=len(indices) + 1))


def is_long(indices: Sequence[int]) -> bool:
    """Say whether there are more runs of indices than are shown at once."""
    return spans(indices, most=_MOST) != spans(indices, most=len(indices) + 1)


def briefly(indices: Sequence[int]) -> str:
    """Return the first few and the last of many indices, and how many there are."""
    return spans(indices, most=_MOST)


def _links(text: str) -> Markup:
    dash = "\N{EN DASH}"
    runs = [run.split(dash) for run in text.split(", ")] if text[:1].isdecimal() else []
    if not runs:
        return Markup.escape(text)
    link = Markup('<a href="#e{0}">{0}</a>').format
    return Markup(", ").join([Markup(dash).join([link(index) for index in run]) for run in runs])  # noqa: S704 - ours
