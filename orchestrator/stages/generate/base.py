"""What writes programs. Implementations: `hf.py` (a transformer) and `scripted.py` (files)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from orchestrator.candidate import Proposed

Progress = Callable[[int, int], None]  # (done, total)


class Generator(Protocol):
    """Writes the programs of an iteration."""

    @property
    def origin(self) -> str:
        """Digest (sha256 hex) of what writes before the first `adopt`."""
        ...

    @property
    def adapter(self) -> str:
        """Digest (sha256 hex) of the trained weights in use; empty before the first `adopt`."""
        ...

    def propose(self, iteration: int, count: int, *, temperature: float, progress: Progress) -> Sequence[Proposed]:
        """Return `count` programs. Program i depends on (run seed, iteration, i) and the weights alone.

        Ids are `i<iteration>-<index:03d>`.
        """
        ...

    def adopt(self, checkpoint: Path) -> None:
        """Sample from these trained weights from now on (a directory that `learn/dpo.py` wrote)."""
        ...
