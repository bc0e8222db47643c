"""Where the tests find benchmark items: a few beside them, the full files only where somebody put them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def full_data(name: str) -> Path:
    """Return a full benchmark file, or skip the test."""
    path = ROOT.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"the full {name} is not beside the repository: put it into {path.parent}")
    return path
