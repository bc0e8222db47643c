"""The one file that a program's container may write, made, held open and read by the host alone.

The file exists at its full size before the container does; the host keeps the descriptor and never
opens the path again. Whether the weights in it are any good is `stages/verify.py`'s question.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.candidate import OwnedOutput
from orchestrator.errors import SandboxError
from sandbox_image.protocol import DTYPE_BYTES, TensorSpec

FILE_PREFIX = "output-"
CHUNK_BYTES = 16 * 1024 * 1024
_POISON = 0xFF  # all-ones is NaN in every floating dtype
_MODE_OWNER, _MODE_ANY = 0o600, 0o666


def create_output(path: Path, tensors: Sequence[TensorSpec], *, owner: int | None) -> OwnedOutput:
    """Create the file at the exact size of `tensors`, with first and last element of each one poisoned.

    `owner` is the uid that the container runs as; None leaves the file writable for whoever it is mounted
    to (user-namespace remapping), behind a directory that only we may enter.

    Raises:
        SandboxError: the file cannot be made; no space, for example.
    """
    size = sum(spec.nbytes for spec in tensors)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, _MODE_OWNER)
    except OSError as error:
        raise _cannot(path, size, error) from error
    try:
        os.posix_fallocate(fd, 0, size)
        for spec in tensors:
            for offset, poison in _poisoned(spec):
                os.pwrite(fd, poison, offset)
        os.fchmod(fd, _MODE_ANY if owner is None else _MODE_OWNER)
        if owner is not None and owner != os.geteuid():
            os.fchown(fd, owner, owner)
        return OwnedOutput(fd=fd, path=path, size=size, inode=os.fstat(fd).st_ino)
    except OSError as error:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise _cannot(path, size, error) from error


def discard_output(output: OwnedOutput) -> None:
    """Close and remove the file. Call it once: the descriptor's number may be another file's afterwards."""
    os.close(output.fd)
    with contextlib.suppress(OSError):
        output.path.unlink()


def shape_fault(output: OwnedOutput) -> str:
    """Say what is wrong with the file itself (kind, links, size); empty if nothing is."""
    found = os.fstat(output.fd)
    if not stat.S_ISREG(found.st_mode) or found.st_ino != output.inode or found.st_nlink != 1:
        return f"expected the regular file that was made; found mode {found.st_mode:o}, {found.st_nlink} links"
    if found.st_size != output.size:
        return f"expected {output.size} bytes, found {found.st_size}"
    return ""


def never_written(output: OwnedOutput, spec: TensorSpec) -> bool:
    """Whether the first or last element of a tensor still holds what the host put there."""
    return any(os.pread(output.fd, len(poison), offset) == poison for offset, poison in _poisoned(spec))


def read_tensor(output: OwnedOutput, spec: TensorSpec) -> bytearray:
    """Return a tensor's bytes, through the kept descriptor.

    Raises:
        SandboxError: fewer bytes than `shape_fault` has just counted.
    """
    data = bytearray(spec.nbytes)
    view, done = memoryview(data), 0
    while done < spec.nbytes:
        count = os.preadv(output.fd, [view[done : done + CHUNK_BYTES]], spec.offset + done)
        if count == 0:
            raise SandboxError(f"{output.path} became shorter while it was read", remedy="something else writes to it")
        done += count
    return data


def _poisoned(spec: TensorSpec) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes) of a tensor's first and last element."""
    width = DTYPE_BYTES[spec.dtype]
    if spec.nbytes:
        poison = bytes([_POISON]) * width
        yield spec.offset, poison
        yield spec.offset + spec.nbytes - width, poison


def _cannot(path: Path, size: int, error: OSError) -> SandboxError:
    return SandboxError(
        f"output file {path} ({size} bytes) cannot be made: {error.strerror}",
        remedy="free disk, or use another --run-dir",
    )
