"""How the report writes numbers and names. Pure; nothing here rounds what is computed with later."""

from __future__ import annotations

from orchestrator.reporting.statistics import Interval

_MINUS = "\N{MINUS SIGN}"


def percent(share: float, digits: int = 1) -> str:
    """Return `0.9675` as `96.8%`."""
    return f"{100 * share:.{digits}f}%"


def points(difference: float) -> str:
    """Return a difference of two fractions in percentage points, always with its sign."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text.replace("-", _MINUS)


def rounded(decimal: str) -> str:
    """Return a decimal of the ledger with four digits; an empty one stays empty."""
    return f"{float(decimal):.4g}".replace("-", _MINUS) if decimal else ""


def span(seconds: float) -> str:
    """Return seconds as people say them: `7.4 s`, `4 min 32 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def short(digest: str) -> str:
    """Return the first dozen digits of a digest."""
    return digest.removeprefix("sha256:")[:12]


def chance(p_value: float) -> str:
    """Return a p-value; very small ones as a bound."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def words(name: str) -> str:
    """Return an identifier as words."""
    return name.replace("_", " ")


def plural(count: int, noun: str) -> str:
    """Return `1 item`, `2 items`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def change(difference: Interval) -> str:
    """Return a difference of two accuracies with its interval."""
    low, high = points(difference.low), points(difference.high)
    return f"{points(difference.estimate)} points, 95% interval {low} to {high}"


def judged(difference: Interval, *, above: str, below: str) -> str:
    """Say which way a difference lies, or that its interval holds zero."""
    if difference.low > 0:
        return above
    return below if difference.high < 0 else "not told apart from"
