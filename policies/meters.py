"""What one program's run is measured by: the text that it prints, and the turns of its while loops."""

from __future__ import annotations

from policies.limits import MAX_PRINT_BYTES, MAX_TURNS
from policies.proxies import PolicyViolation


class Printed:
    """Captured text of `print`, capped: what is over the cap is dropped."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._left = MAX_PRINT_BYTES

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def __call__(self, *values: object, sep: str | None = " ", end: str | None = "\n", flush: bool = False) -> None:
        if self._left > 0:
            print(*values, sep=sep, end=end, file=self)

    def write(self, text: str) -> None:
        """Take one piece of what `print` writes: never more than the cap is held."""
        raw = text[: self._left].encode("utf-8", "backslashreplace")[: self._left]
        self._left -= len(raw)
        self._parts.append(raw.decode("utf-8", "ignore"))


class Turns:
    """Counts the turns of while loops, which need not end by themselves; the deadline is sooner where they do work."""

    def __init__(self) -> None:
        self.left = MAX_TURNS

    def __call__(self) -> bool:
        self.left -= 1
        if self.left < 0:
            raise PolicyViolation(f"while: expected at most {MAX_TURNS} turns in one call; use tensor operations")
        return True
