"""Opens and locks a ledger's file; cuts the tail that a dead process left, which is kept beside it and named.

What a writer had not acknowledged may lie after the last whole entry, in part. It is copied to a file of its
own, made durable there, and only then cut off, so that a crash at any moment leaves it in one place at least.
Anything else that is wrong is damage, which is refused and never mended. Nothing is appended here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import sha256_of

_MODE = 0o600
_NAMED_DIGITS = 16  # of a tail's digest, in the name of its file


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Bytes that were cut off: how many, their digest, and the file that keeps them."""

    torn_bytes: int
    torn_sha256: str
    kept: str  # name of a file beside the ledger


def create_locked(path: Path) -> int:
    """Create a ledger's file, which must not exist, and lock it until the descriptor is closed.

    Raises:
        LedgerError: it exists, another process writes it, or it cannot be created.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, _MODE)
    except FileExistsError as error:
        busy = "another process is writing it" if _is_locked(path) else "it exists already"
        raise LedgerError(
            f"{path}: cannot be created: {busy}", remedy="choose another name or --run-dir for this run"
        ) from error
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be created: {error.strerror}", remedy="choose a run directory that can be written"
        ) from error
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the file is ours alone: it did not exist
    return fd


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def open_locked(path: Path) -> int:
    """Open an existing ledger for appending, and lock it until the descriptor is closed.

    Raises:
        LedgerError: there is none, another process writes it, or it may not be written.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be opened for writing: {error.strerror}",
            remedy="check the run directory; a record that may only be read can be read with `assay report`",
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise LedgerError(
            f"{path}: expected nobody to write it, found that another process is writing it",
            remedy="wait until that run ends, or end it",
        ) from error
    return fd


def cut(fd: int, path: Path, *, at: int) -> None:
    """Quarantine what lies after offset `at`: copy it aside, durably, then truncate, durably.

    Raises:
        OSError: the disk refused; the ledger is then as it was, or already cut with the copy durable.
    """
    tail = os.pread(fd, os.fstat(fd).st_size - at, at)
    kept = path.with_name(f"{path.name}.torn-{sha256_of(tail)[:_NAMED_DIGITS]}")
    _keep(kept, tail)
    os.ftruncate(fd, at)
    os.fsync(fd)


def unrecorded(path: Path, known: Iterable[str]) -> tuple[Tail, ...]:
    """Return the quarantined tails beside a ledger that none of its events names, oldest first.

    A process that dies between the cut and the event leaves one; the next one to open the ledger records it.
    """
    tails, names = [], set(known)
    files = sorted(path.parent.glob(f"{path.name}.torn-*"), key=lambda file: file.lstat().st_mtime_ns)
    for file in files:
        if file.is_symlink() or not file.is_file() or file.name.endswith(".part"):
            continue
        data = file.read_bytes()
        tail = Tail(torn_bytes=len(data), torn_sha256=sha256_of(data), kept=file.name)
        if tail.torn_sha256 not in names:
            tails.append(tail)
    return tuple(tails)


def _keep(kept: Path, tail: bytes) -> None:
    """Write the tail's file whole or not at all; the same tail cut a second time has the same name."""
    part = kept.with_name(f"{kept.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(tail)
        file.flush()
        os.fsync(file.fileno())
    part.rename(kept)
    sync_directory(kept.parent)


def put_beside(path: Path, data: bytes) -> None:
    """Write a derived file whole or not at all; what can be made again is no reason to fail."""
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(OSError):
        part.write_bytes(data)
        part.rename(path)


def sync_directory(path: Path) -> None:
    """Make new names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
