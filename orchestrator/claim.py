"""Claims a run's directory and begins its record there: no moment is a bad one to be killed at.

A directory is one of three things, and stays one of them after each step:

1. new: no whole first entry, and beside it at most `work/` and `config.json`. Nothing was done; a run begins there.
2. begun: the first entry is whole, and `config.json` was there before it. The run can only be gone on with.
3. anybody else's, or a record that lost its first entry: refused, and left as it is.

What a dead process left of a first entry is kept beside the ledger. What comes after the first entry is `session.py`'s.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import LedgerError, StorageError, UsageError
from orchestrator.ledger import FILE_NAME, Ledger
from orchestrator.ledger.recovery import require_free, unbegun

CONFIG_NAME = "config.json"
WORK_NAME = "work"
_PART = f".{CONFIG_NAME}.part"
_TORN = f"{FILE_NAME}.torn-"


def begin(config: RunConfig, run_dir: Path, *, config_sha256: str, weakened: Sequence[str]) -> Ledger:
    """1 claim the directory, 2 write `config.json`, 3 begin the ledger; raises as these do."""
    claim(run_dir)
    save_config(config, run_dir)
    return Ledger.create(
        run_dir / FILE_NAME, source=f"assay/{config.name}", config_sha256=config_sha256, weakened=weakened
    )


def begun(run_dir: Path) -> bool:
    """Whether anything is on record of a run.

    Raises:
        LedgerError: its record has lost its first entry, or cannot be read.
        StorageError: the directory cannot be read.
    """
    ledger = run_dir / FILE_NAME
    with _explained(run_dir):
        if not ledger.exists():
            return False
        if not unbegun(ledger):
            return True
        later = _not_early(run_dir)
    if later:
        raise LedgerError(
            f"{ledger}: expected a first entry, since {later[0]} was made after it; found none",
            remedy="the record was cut: put a copy of it back, or begin another run with another --run-dir",
        )
    return False


def require_new(run_dir: Path) -> None:
    """Refuse a directory that holds anything: a run is never started over in place.

    What a run leaves that was killed before its first entry was whole does not count: nothing is on record of it.

    Raises:
        UsageError: there is a run, or something else.
        LedgerError: another process is writing the run's record, or it has lost its first entry.
        StorageError: the directory cannot be read.
    """
    with _explained(run_dir):
        if not run_dir.exists():
            return
        other = not run_dir.is_dir() or _not_early(run_dir)
    require_free(run_dir / FILE_NAME)
    if begun(run_dir):
        raise UsageError(
            f"{run_dir}: expected a new or empty directory, found an earlier run, which is not started over",
            remedy=f"go on with it: `{go_on(run_dir)}`; read it: `assay report {shlex.quote(str(run_dir))}`; or pass "
            "another --run-dir",
        )
    if other:
        raise UsageError(
            f"{run_dir}: expected a new or empty directory, found other files", remedy="pass another --run-dir"
        )


def claim(run_dir: Path) -> None:
    """Make the run's directory; raises as `require_new`, and where it cannot be made."""
    require_new(run_dir)
    with _explained(run_dir):
        run_dir.mkdir(parents=True, exist_ok=True)
        (run_dir / WORK_NAME).mkdir(mode=0o700, exist_ok=True)


def save_config(config: RunConfig, run_dir: Path) -> None:
    """Write `config.json`, whole and durable or not at all. Once there is a record, that is what counts.

    Raises:
        StorageError: the disk refused.
    """
    part = run_dir / _PART
    with _explained(run_dir):
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(config.model_dump(mode="json"), indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(run_dir / CONFIG_NAME)


def read_config(run_dir: Path) -> RunConfig:
    """Return what `config.json` says.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON object.
        ConfigError: it is no configuration of a run.
    """
    path = run_dir / CONFIG_NAME
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    except TypeError as error:
        raise ValueError(str(error)) from error
    return parse_config(values, source=str(path))


def go_on(run_dir: Path) -> str:
    """Return the command that goes on with a run."""
    return f"assay run --resume {shlex.quote(str(run_dir))}"


@contextmanager
def _explained(run_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{error.filename or run_dir}: {error.strerror or error}",
            remedy="make the run directory readable and writable and free disk space, or pass another --run-dir",
        ) from error


def _not_early(run_dir: Path) -> list[str]:
    """Return the names of what a run does not leave that is killed before its first entry is whole."""
    return sorted(path.name for path in run_dir.iterdir() if not _is_early(path))


def _is_early(path: Path) -> bool:
    if path.name == CONFIG_NAME:
        return _is_ours(path)
    return path.name in {WORK_NAME, _PART, FILE_NAME} or path.name.startswith(_TORN)


def _is_ours(path: Path) -> bool:
    """Say whether this is a configuration of a run: any model's folder has a file of that name, too."""
    try:
        read_config(path.parent)
    except (OSError, ValueError, UsageError):
        return False
    return True
