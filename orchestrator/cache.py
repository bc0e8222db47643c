"""Where things that are made once and used by every run are kept. Creates nothing."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ASSAY_CACHE"


def cache_dir() -> Path:
    """Return `$ASSAY_CACHE`, else `assay` in the user's cache directory (XDG base directory specification)."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that relative values are to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "assay"
