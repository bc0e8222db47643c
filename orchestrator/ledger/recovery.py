"""Opens and locks a ledger's file; cuts the tail that a dead process left, which is kept beside it and named.

What a writer had not acknowledged may lie after the last whole entry, in part. It is copied to a file of its
own, made durable there, and only then cut off, so that a crash at any moment leaves it in one place at least.
Anything else that is wrong is damage, which is refused and never mended. Nothing is appended here.

A file whose first batch is not whole has acknowledged nothing: a ledger may be begun in it, after the same care.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import sha256_of
from orchestrator.ledger.commit import TornTailError, batches
from orchestrator.ledger.entry import MAX_LINE_BYTES

_MODE = 0o600
_FIRST_BATCH_BYTES = 2 * MAX_LINE_BYTES  # log.opened and its commit line
_BEGINS = b'{"actor":'  # so does an event's line
_LOCKS = Path("/proc/locks")
_NAMED_DIGITS = 16  # of a tail's digest, in the name of its file


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Bytes that were cut off: how many, their digest, and the file that keeps them."""

    torn_bytes: int
    torn_sha256: str
    kept: str  # name of a file beside the ledger


def create_locked(path: Path) -> int:
    """Create a ledger's file, or take one over in which nothing was acknowledged; lock it until it is closed.

    Raises:
        LedgerError: it holds a ledger or something else, another process writes it, or it cannot be created.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, _MODE)
    except FileExistsError:
        return _taken_over(path)
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be created: {error.strerror}", remedy="choose a run directory that can be written"
        ) from error
    _lock(fd, path)
    return fd


def _taken_over(path: Path) -> int:
    """Lock a file that a dead process created and never finished a batch in; set aside what it holds."""
    fd = open_locked(path)
    try:
        if not _is_unbegun(os.pread(fd, _FIRST_BATCH_BYTES + 1, 0)):
            raise LedgerError(
                f"{path}: cannot be created: it exists already", remedy="choose another name or --run-dir for this run"
            )
        if os.fstat(fd).st_size:
            cut(fd, path, at=0)
    except BaseException as error:
        os.close(fd)
        if isinstance(error, OSError):
            raise failed(path, error) from error
        raise
    return fd


def unbegun(path: Path) -> bool:
    """Whether nothing in a ledger's file was ever acknowledged: its writer was killed inside the first batch.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _is_unbegun(file.read(_FIRST_BATCH_BYTES + 1))
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}", remedy="check the run directory") from error


def _is_unbegun(data: bytes) -> bool:
    """Say whether these bytes are the beginning of one event and its commit, and not all of it."""
    if len(data) > _FIRST_BATCH_BYTES or data[: len(_BEGINS)] != _BEGINS[: len(data)] or data.count(b"\n") > 1:
        return False
    try:
        return next(batches(io.BytesIO(data)), None) is None
    except TornTailError:
        return True
    except LedgerError:
        return not data  # an empty file, or one of an earlier format


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
    _lock(fd, path)
    return fd


def _lock(fd: int, path: Path) -> None:
    """Lock an open ledger for this process, or close it.

    Raises:
        LedgerError: another process has it, or has removed it meanwhile.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise _busy(path) from error
    if os.fstat(fd).st_nlink == 0:
        os.close(fd)
        raise LedgerError(f"{path}: it was removed while it was opened", remedy="try again")


def require_free(path: Path) -> None:
    """Refuse a ledger that another process is writing; whoever is to write it must lock it all the same.

    Raises:
        LedgerError: one does; names its process where the kernel says which.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # whoever opens it says what is wrong with it
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        raise _busy(path) from error
    finally:
        os.close(fd)


def _busy(path: Path) -> LedgerError:
    holder = _holder(path)
    return LedgerError(
        f"{path}: expected nobody to write it, found that another process is writing it"
        + (f": number {holder}" if holder else ""),
        remedy="wait until that run ends, or end it" + (f": `kill {holder}`" if holder else ""),
    )


def _holder(path: Path) -> int:
    """Return the number of the process that has a file locked, or 0 where the kernel does not say."""
    try:
        status = path.stat()
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for fields in map(str.split, lines):  # 1: FLOCK ADVISORY WRITE 4711 fe:00:1548374 0 EOF
        if fields[1:2] == ["FLOCK"] and fields[5:6] == [place] and fields[4].isdecimal():
            return int(fields[4])
    return 0


def cut(fd: int, path: Path, *, at: int) -> None:
    """Quarantine what lies after offset `at`: copy it aside, durably, then truncate, durably.

    Raises:
        LedgerError: the disk refused; the ledger is then as it was, or already cut with the copy durable.
    """
    try:
        tail = os.pread(fd, os.fstat(fd).st_size - at, at)
        kept = path.with_name(f"{path.name}.torn-{sha256_of(tail)[:_NAMED_DIGITS]}")
        _keep(kept, tail)
        os.ftruncate(fd, at)
        os.fsync(fd)
    except OSError as error:
        raise LedgerError(
            f"{path}: its torn tail cannot be set aside: {error.strerror}",
            remedy="free disk space or make the run directory writable",
        ) from error


def failed(path: Path, error: OSError) -> LedgerError:
    """Return what a disk's refusal means for a ledger that was being written."""
    return LedgerError(
        f"{path}: cannot be written: {error.strerror or error}", remedy="free disk space or mend the disk"
    )


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
    """Write a derived file as `put_durably`; what can be made again is no reason to fail."""
    with contextlib.suppress(OSError):
        put_durably(path, data)


def put_durably(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; it is on disk, under its name, when this returns.

    The folder may be a stranger's: nothing in it is written through, for what was there can be a link to elsewhere.

    Raises:
        OSError: the disk refused; what the file held before may still be there, or not.
    """
    fd, name = tempfile.mkstemp(prefix=f".{path.name[:32]}-", dir=path.parent)  # mode 0600
    part = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make new names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
