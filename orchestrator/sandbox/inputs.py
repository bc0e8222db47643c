"""Makes the model files readable for a container's user, who is nobody's.

Weights are often saved with mode 0600. Such a file is not opened up where it lies: its owner meant it.
It is copied (shared blocks, where the file system can) into the run's private folder, and the copy is
what gets mounted, read-only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import SandboxError

INPUT_PREFIX = "input-"
_OTHERS_MAY_READ = 0o004
_MODE = 0o444
_FICLONE = 0x40049409  # linux/fs.h


def readable_inputs(mounts: Sequence[tuple[Path, str]], folder: Path) -> tuple[tuple[Path, str], ...]:
    """Return the mounts, with a copy in `folder` in place of each file that others may not read.

    Raises:
        SandboxError: a file cannot be copied.
    """
    ready = []
    for index, (path, inside) in enumerate(mounts):
        try:
            ready.append((_copy(path, folder / f"{INPUT_PREFIX}{index}") if _needs_copy(path) else path, inside))
        except OSError as error:
            raise SandboxError(
                f"{path} cannot be copied for the containers: {error.strerror}",
                remedy=f"free disk in {folder}, or run `chmod o+r {path}` so that no copy is needed",
            ) from error
    return tuple(ready)


def copied_bytes(mounts: Sequence[tuple[Path, str]]) -> int:
    """Return how much disk `readable_inputs` would take."""
    return sum(path.stat().st_size for path, _ in mounts if _needs_copy(path))


def _needs_copy(path: Path) -> bool:
    """Not where we are an ordinary user: containers run as that same user then."""
    return os.geteuid() == 0 and not path.stat().st_mode & _OTHERS_MAY_READ


def _copy(source: Path, target: Path) -> Path:
    with source.open("rb") as reader, target.open("xb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError:
            shutil.copyfileobj(reader, writer, 16 * 1024 * 1024)
    target.chmod(_MODE)
    return target
