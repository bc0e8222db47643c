"""The digest of what an image is built from. Standard library only; imported by set-up and by `doctor`.

An image carries it as a label, so that one built from older sources can be told.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGES = ("policies", "sandbox_image")
SUFFIXES = frozenset({".py", ".json", ".toml", ".lock"})


def source_files(root: Path) -> list[Path]:
    """Return the files that go into the image, relative to the repository root, sorted."""
    found = [
        path.relative_to(root)
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.suffix in SUFFIXES and path.is_file() and "__pycache__" not in path.parts
    ]
    return sorted(found, key=lambda path: path.as_posix())


def source_digest(root: Path) -> str:
    """Return the sha256 (hex) over path and content of every source file below `root`.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in source_files(root):
        content = (root / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
