"""Merged weights in a run's directory that nothing needs any more, for `assay gc RUN_DIR`.

A run keeps the weights of its best `keep_best` programs by dev score, and those of programs that it has still to
score; it drops others once they are scored. What a killed process left is surplus, as are halves of blobs. The
digests of all weights stay in the ledger: a replay needs the weights only to say by how much something differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.ledger import FILE_NAME, Entry, read
from orchestrator.ledger.recovery import open_locked
from orchestrator.sandbox.leftovers import Collected, Leftover

KIND = "weights"
_HALF = "tmp-*"  # of a blob that was not committed (blobs.BlobWriter)


def collect_weights(run_dir: Path, *, dry_run: bool) -> Collected:
    """Find a run's surplus weights, and remove them unless this is a dry run. The run's ledger is locked meanwhile.

    Raises:
        UsageError: no run directory.
        LedgerError: the record is damaged, or another process is writing it.
    """
    ledger = run_dir / FILE_NAME
    if not ledger.is_file():
        raise UsageError(
            f"{run_dir}: expected a run directory with a {FILE_NAME}, found none", remedy="pass runs/<name>"
        )
    lock = open_locked(ledger)
    try:
        found = [_leftover(run_dir, path) for path in _files(run_dir / "blobs", surplus(read(ledger)))]
        failed = [] if dry_run else [(one, why) for one in found if (why := _remove(run_dir / "blobs" / one.name))]
    finally:
        os.close(lock)
    return Collected(found=tuple(found), failed=tuple(failed))


def surplus(entries: Iterable[Entry]) -> set[str]:
    """Return the digests of verified weights that the run has no more use for, there or not."""
    keep, finished = 0, False
    outputs: dict[str, str] = {}  # program -> digest of its weights
    scores: dict[str, float] = {}
    for entry in entries:
        match entry.type:
            case "run.started":
                keep = int(entry.data["config"].get("keep_best", 0))
            case "outputs.verified":
                outputs[entry.subject] = entry.data["output_sha256"]
            case "eval.completed" if entry.data["split"] == "dev":
                scores[entry.subject] = float(entry.data["accuracy"])
            case "run.completed":
                finished = True
    best = sorted(scores, key=lambda program: (-scores[program], program))[:keep]
    waiting = [] if finished else [program for program in outputs if program not in scores]
    needed = {outputs[program] for program in (*best, *waiting) if program in outputs}
    return set(outputs.values()) - needed


def _files(blobs: Path, digests: set[str]) -> list[Path]:
    named = [blobs / digest for digest in sorted(digests)]
    return [path for path in (*named, *sorted(blobs.glob(_HALF))) if path.is_file() and not path.is_symlink()]


def _leftover(run_dir: Path, path: Path) -> Leftover:
    return Leftover(kind=KIND, name=path.name, run=run_dir.name, bytes=path.stat().st_blocks * 512)


def _remove(path: Path) -> str:
    try:
        path.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""
