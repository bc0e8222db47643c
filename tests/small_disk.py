"""A disk of the tests' own (a tmpfs): to be filled up and made read-only under a run. Needs root; else they skip."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

MEGABYTES = 1024  # a run asks for 512 to spare
BALLAST = "ballast"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDisk:
    """A mounted tmpfs."""

    root: Path

    def fill(self) -> None:
        """Leave no block free."""
        with (self.root / BALLAST).open("ab") as ballast:
            while free := shutil.disk_usage(self.root).free:  # what goes on beside may give some back
                with contextlib.suppress(OSError):
                    os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), free)

    def make_room(self) -> None:
        (self.root / BALLAST).unlink()

    def remount(self, mode: str) -> None:
        """Make it `ro` or `rw`."""
        _run("mount", "-o", f"remount,{mode}", str(self.root))


@contextlib.contextmanager
def small_disk(root: Path) -> Iterator[SmallDisk]:
    """Mount one at an empty folder."""
    if os.geteuid() != 0:
        pytest.skip("a disk of one's own needs root")
    root.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "assay-tests", str(root))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk of one's own: {error}")
    try:
        yield SmallDisk(root=root)
    finally:
        _run("umount", "--lazy", str(root))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
