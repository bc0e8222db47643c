"""Bytes stored under their own sha256: programs, adapters, merged weights, records.

A blob appears whole or not at all: it is written to a temporary file, flushed to disk, then renamed.
Reading checks the digest again. What blobs mean, and which are kept, is the caller's business.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.errors import AssayError
from orchestrator.regular import open_regular

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = "tmp-"
_CHUNK_BYTES = 8 * 1024 * 1024
MAX_READ_BYTES = 64 * 1024 * 1024  # at once, into memory


class BlobError(AssayError):
    """A blob is missing or is not what its name says."""


class MissingBlobError(BlobError):
    """There is no blob of that name: dropped, or never there."""


class BlobWriter:
    """A blob in the making. Leaving the `with` block without `commit` removes what was written."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sha256 = hashlib.sha256()
        fd, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=root)
        self._file = os.fdopen(fd, "wb")
        self._temporary: Path | None = Path(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        self._sha256.update(data)
        self._file.write(data)

    def commit(self) -> str:
        """Make the blob durable and visible; return its digest."""
        digest = self._sha256.hexdigest()
        if self._temporary is None:
            raise BlobError("a blob is committed once")
        self._file.flush()
        os.fsync(self._file.fileno())
        os.fchmod(self._file.fileno(), 0o444)
        self._temporary.rename(self._root / digest)
        self._temporary = None
        _fsync_directory(self._root)
        return digest


class BlobStore:
    """A folder of blobs. Safe for several writers: equal content has an equal name."""

    def __init__(self, root: Path, *, create: bool = True) -> None:
        """`create` False leaves a folder that is not there alone: a store that is only read."""
        if create:
            root.mkdir(parents=True, exist_ok=True)
        self.root = root

    def writer(self) -> BlobWriter:
        """Start a blob whose bytes come in pieces."""
        return BlobWriter(self.root)

    def put_bytes(self, data: bytes) -> str:
        """Store bytes; return their sha256 (hex). Storing the same again costs nothing."""
        digest = hashlib.sha256(data).hexdigest()
        if self._path(digest).is_file():
            return digest
        with self.writer() as blob:
            blob.write(data)
            return blob.commit()

    def path(self, digest: str) -> Path:
        """Return where a blob lies.

        Raises:
            MissingBlobError: there is none.
        """
        path = self._path(digest)
        if not path.is_file():
            raise MissingBlobError(
                f"blob {digest} is not in {self.root}", remedy="it was dropped, or the run is incomplete"
            )
        return path

    def read(self, digest: str) -> bytes:
        """Return a blob's bytes, checked against the digest. For texts and lists; weights are mapped or streamed.

        Raises:
            BlobError: missing, damaged, or larger than `MAX_READ_BYTES`: a stranger's record may name anything.
        """
        path = self.path(digest)
        with _opened(path) as file:
            data = file.read(MAX_READ_BYTES + 1)
        if len(data) > MAX_READ_BYTES:
            raise BlobError(
                f"{path}: expected at most {MAX_READ_BYTES} bytes, found more", remedy="no program or list is so large"
            )
        _require_digest(path, hashlib.sha256(data).hexdigest())
        return data

    def check(self, digest: str) -> None:
        """Read a blob of any size once, and compare its digest with its name.

        Raises:
            BlobError: missing, or damaged.
        """
        path = self.path(digest)
        with _opened(path) as file:
            _require_digest(path, hashlib.file_digest(file, "sha256").hexdigest())

    def drop(self, digest: str) -> None:
        """Remove a blob; one that is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            self._path(digest).unlink()

    def sweep(self) -> None:
        """Remove what a killed writer left unfinished. Only while nobody else writes here."""
        for path in self.root.glob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise BlobError(f"{digest!r:.80} is no sha256 digest: expected 64 lower-case hex digits")
        return self.root / digest


def _opened(path: Path) -> BufferedReader:
    try:
        return open_regular(path)
    except OSError as error:
        raise BlobError(
            f"{path}: expected a file that can be read, found none: {error.strerror}", remedy="it was put there by hand"
        ) from error


def _require_digest(path: Path, found: str) -> None:
    if found != path.name:
        raise BlobError(f"{path}: its bytes do not have the digest that names it", remedy="the file was altered")


def _fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
