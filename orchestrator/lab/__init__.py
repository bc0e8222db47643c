"""The lab: a tiny world that is made on a CPU in minutes, so that no model hub is needed to try Assay.

A seed and three arithmetic experts, a factory that writes merging programs, and two splits of questions.
It is made once per recipe, in one step (built beside its place, then renamed), and kept in the cache.
Importing this package loads no torch.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cache import VARIABLE, cache_dir
from orchestrator.errors import PreflightError, UsageError
from orchestrator.lab.build import FACTS, build, digests
from orchestrator.lab.recipe import RECIPE

PREFIX = "lab:"
MODELS = ("seed", "expert-add", "expert-sub", "expert-mul", "factory")
STAGES = ("expressions", "words", "seed", "expert-add", "expert-sub", "expert-mul", "factory")
WAITING = "waiting for another process that is making the lab"
MIN_FREE_BYTES = 200 * 1024 * 1024  # the lab itself takes about 15 MiB

Progress = Callable[[str, int, int], None]  # (stage, done, total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A finished lab on disk."""

    root: Path

    def path(self, name: str) -> Path:
        """Return the directory of one of `MODELS`.

        Raises:
            UsageError: the lab has no model of that name.
        """
        if name not in MODELS:
            raise UsageError(
                f"{PREFIX}{name}: the lab has no such model", remedy=f"one of {', '.join(PREFIX + m for m in MODELS)}"
            )
        return self.root / name

    @property
    def dev(self) -> Path:
        return self.root / "dev.jsonl"

    @property
    def test(self) -> Path:
        """The sealed split; the pipeline alone opens it, once."""
        return self.root / "test.jsonl"

    @property
    def facts(self) -> dict[str, Any]:
        """Recipe, digests, dev scores and seconds, as `lab.json` has them."""
        facts: dict[str, Any] = json.loads((self.root / FACTS).read_text(encoding="utf-8"))
        return facts


def ensure(cache: Path | None = None, progress: Progress = lambda stage, done, total: None) -> Lab:
    """Return the lab of the present recipe, making it first if it is not in the cache.

    Args:
        cache: folder to keep it in; `cache_dir()` if None.
        progress: told (stage, done, total) while building; stages are `STAGES`, two run at a time.

    Raises:
        PreflightError: the cache cannot be written or is too full.
        EngineError: training failed.
    """
    folder = (cache or cache_dir()) / "lab"
    lab = Lab(root=folder / RECIPE.digest)
    if not _whole(lab):
        _make_folder(folder)
        with _lock(folder / f"{RECIPE.digest}.lock", progress):
            if not _whole(lab):  # another process may have made it meanwhile
                _build_beside(lab, progress)
    return lab


def resolve(reference: str) -> Path:
    """Return the directory that `lab:NAME` stands for (making the lab), or the path as it is written.

    Raises:
        UsageError: the lab has no model of that name. Others as `ensure`.
    """
    if not reference.startswith(PREFIX):
        return Path(reference)
    name = reference.removeprefix(PREFIX)
    Lab(root=Path()).path(name)  # refuse an unknown name before minutes are spent on building
    return ensure().path(name)


def _whole(lab: Lab) -> bool:
    """Whether every file is there with the digest that the build wrote down."""
    try:
        return bool(lab.facts["sha256"] == digests(lab.root))
    except (OSError, ValueError, KeyError):
        return False


def _build_beside(lab: Lab, progress: Progress) -> None:
    """Build in a folder beside the lab's place and move it there whole. The caller holds the lock."""
    beside = lab.root.with_name(f".{lab.root.name}.building")
    shutil.rmtree(beside, ignore_errors=True)  # of a build that was killed
    try:
        beside.mkdir()
        build(RECIPE, beside, progress)
        shutil.rmtree(lab.root, ignore_errors=True)  # a lab that `_whole` found damaged
        beside.rename(lab.root)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Hold an exclusive lock; the kernel drops it when the process dies, however it dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(WAITING, 0, 1)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            progress(WAITING, 1, 1)
        yield
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise PreflightError(
            f"{folder}: cannot be made: {error.strerror}", remedy=f"set {VARIABLE} to a folder that you may write"
        ) from error
    if free < MIN_FREE_BYTES:
        raise PreflightError(
            f"{folder}: expected {MIN_FREE_BYTES >> 20} MiB free for the lab, found {free >> 20} MiB",
            remedy=f"free space, or set {VARIABLE} to a folder on another disk",
        )
