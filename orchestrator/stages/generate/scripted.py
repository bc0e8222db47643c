"""A generator that hands out program files: for tests, for audits of one's own programs, and for replays.

Reads a folder of `*.py` in name order and deals them out in turn. Samples nothing and learns nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from orchestrator.candidate import Proposed, source_digest
from orchestrator.errors import UsageError
from orchestrator.stages.generate.base import Progress


class ScriptedGenerator:
    """Deals the folder's programs in a cycle that starts at `seed` and goes on over the iterations."""

    adapter = ""  # files do not learn

    def __init__(self, folder: Path, seed: int) -> None:
        """Read every program once, so that later changes to the folder change nothing.

        Raises:
            UsageError: the folder is missing, holds no `*.py`, or a file is not readable UTF-8.
        """
        files = sorted(folder.glob("*.py")) if folder.is_dir() else []
        if not files:
            raise UsageError(f"{folder}: expected a folder of *.py programs", remedy="set [generate] scripts")
        self._sources = tuple(_read(file) for file in files)
        self._seed = seed
        self.origin = hashlib.sha256("\0".join(self._sources).encode("utf-8", "surrogatepass")).hexdigest()

    def propose(self, iteration: int, count: int, *, temperature: float, progress: Progress) -> Sequence[Proposed]:
        """Return `count` programs; iterations follow on from each other. `temperature` is not used."""
        start = self._seed + (iteration - 1) * count
        proposed = [self._program(iteration, index, start + index) for index in range(count)]
        progress(count, count)
        return proposed

    def adopt(self, checkpoint: Path) -> None:
        """Do nothing: files do not learn."""

    def _program(self, iteration: int, index: int, position: int) -> Proposed:
        source = self._sources[position % len(self._sources)]
        return Proposed(
            id=f"i{iteration}-{index:03d}",
            iteration=iteration,
            index=index,
            source=source,
            digest=source_digest(source),
        )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as UTF-8: {error}", remedy="mend or remove the file") from error
