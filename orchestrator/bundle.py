"""A run's record in one file, to be read, shown and replayed elsewhere: ledger, programs, report, digests.

    write_bundle(run_dir, out)      the record is verified first
    opened(path)                    a run directory as it is, or a bundle unpacked into a folder that is removed

The file is an uncompressed tar archive: sorted, with fixed times, owners and modes, so that the same record gives
the same bytes, and `tar` lists it. Its first member, `bundle.json`, lists the others with size and sha256.
What the digests show is that the file is whole, not who made it: that is the ledger's business.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from orchestrator.errors import LedgerError, StorageError, UsageError
from orchestrator.ledger import FILE_NAME, canonical, read, verify
from orchestrator.ledger.canonical import decode
from orchestrator.ledger.reading import batches_of

FORMAT = "assay-bundle/1"
MANIFEST = "bundle.json"
MAX_FILES = 300_000
MAX_MANIFEST_BYTES = 64 * 1024 * 1024  # about 200 bytes for each of the files
MAX_FILE_BYTES = 64 * 1024**3  # merged weights are the largest
MAX_BYTES = 1024**4  # of all files
_CHUNK_BYTES = 1024 * 1024
_BESIDE = ("checkpoint", "config.json", "report.html")
_NAME = re.compile(r"(?!blobs$|bundle\.json$)[a-z0-9][a-z0-9._-]{0,63}|blobs/[0-9a-f]{64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLOBS = "blobs/"
_OCTAL = re.compile(rb"[0-7]{11}")
_END = bytes(2 * tarfile.BLOCKSIZE)


class BundleError(LedgerError):
    """A bundle is damaged, or holds what no bundle holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """One file of a bundle."""

    path: str
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that was written."""

    files: int
    bytes: int
    sha256: str


def write_bundle(run_dir: Path, out: Path, *, weights: bool) -> Made:
    """Write the bundle of a run, whole or not at all.

    Blobs are taken if the ledger names them; merged weights only with `weights`. A run's log and its trained
    factories stay where they are.

    Raises:
        UsageError: no run directory, or `out` exists.
        LedgerError: the record is damaged.
        StorageError: something cannot be read or written.
    """
    names = _names(run_dir, weights=weights)
    if out.exists():
        raise UsageError(f"{out}: expected a new file, found one", remedy="pass another -o")
    try:
        return _write(run_dir, names, out)
    except OSError as error:
        raise StorageError(
            f"{error.filename or out}: {error.strerror}", remedy="pass an -o that you may write, with room"
        ) from error


def _names(run_dir: Path, *, weights: bool) -> list[str]:
    """Return the names of the files that go in, sorted."""
    ledger = run_dir / FILE_NAME
    if not ledger.is_file():
        raise UsageError(
            f"{run_dir}: expected a run directory with a {FILE_NAME}, found none", remedy="pass runs/<name>"
        )
    if problem := verify(ledger).problem:
        raise LedgerError(f"{ledger}: {problem}", remedy="a damaged record is not passed on")
    named, outputs = _digests(ledger)
    wanted = named | outputs if weights else named - outputs
    blobs = [f"blobs/{digest}" for digest in wanted if _is_file(run_dir / "blobs" / digest)]
    beside = [name for name in _BESIDE if _is_file(run_dir / name)]
    return sorted([FILE_NAME, *beside, *blobs])


def _digests(ledger: Path) -> tuple[set[str], set[str]]:
    """Return the digests that lines and the values moved out of them name, and those of merged weights."""
    named: set[str] = set()
    outputs: set[str] = set()
    for batch in batches_of(ledger):
        for leaf in batch.leaves:
            named.update(_texts(leaf.event["data"]))
    for entry in read(ledger):
        named.update(_texts(entry.data))
        if entry.type == "outputs.verified":
            outputs.add(entry.data["output_sha256"])
    return {text for text in named if _DIGEST.fullmatch(text)}, outputs


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _write(run_dir: Path, names: list[str], out: Path) -> Made:
    listed = [_measured(run_dir, name) for name in names]
    manifest = canonical({"format": FORMAT, "files": [one.as_json() for one in listed]})
    fd, temporary = tempfile.mkstemp(prefix=".bundle-", dir=out.absolute().parent)
    try:
        with os.fdopen(fd, "w+b") as file:
            _write_member(file, MANIFEST, len(manifest), BytesIO(manifest))
            for one in listed:
                with (run_dir / one.path).open("rb") as source:
                    _write_member(file, one.path, one.bytes, source)
            file.write(_END)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        os.link(temporary, out)  # never over a file that came meanwhile
    finally:
        Path(temporary).unlink(missing_ok=True)
    return Made(files=len(listed), bytes=size, sha256=digest)


def _measured(run_dir: Path, name: str) -> _Listed:
    with (run_dir / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return _Listed(path=name, bytes=file.tell(), sha256=digest)


def _write_member(file: IO[bytes], name: str, size: int, source: IO[bytes]) -> None:
    file.write(_header(name, size))
    written = 0
    while chunk := source.read(min(_CHUNK_BYTES, size - written)):
        written += file.write(chunk)
    if written != size:
        raise StorageError(f"{name}: became shorter while it was read", remedy="bundle a run that has ended")
    file.write(_padding(size))


def _header(name: str, size: int) -> bytes:
    """Return a member's tar header, in which nothing depends on the machine or the hour: one block."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o644, 0
    return member.tobuf(format=tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Path, bool]]:
    """Give a run directory: as it is, or of a bundle unpacked; and whether it was a bundle.

    Raises:
        UsageError: neither.
        BundleError: the bundle is damaged.
    """
    if path.is_dir():
        yield path, False
        return
    if not path.is_file():
        raise UsageError(f"{path}: expected a run directory or a bundle, found neither", remedy="pass runs/<name>")
    with tempfile.TemporaryDirectory(prefix="assay-bundle-") as folder:
        unpack(path, Path(folder))
        yield Path(folder), True


def unpack(bundle: Path, folder: Path) -> None:
    """Write a bundle's files into an empty folder.

    No archive is interpreted: the manifest says which bytes must stand where, headers included, and any other
    byte is refused. So there are no links, no paths that lead elsewhere, and no file that grows.

    Raises:
        UsageError: it is no bundle.
        BundleError: it is damaged, or holds something else.
        StorageError: it cannot be read or written.
    """
    try:
        with bundle.open("rb") as file:
            listed = _manifest(bundle, file)
            _require_room(bundle, file, listed, folder)
            for one in listed:
                _read_member(bundle, file, one, folder)
            if file.read(len(_END) + 1) != _END:
                raise _damaged(bundle, "expected its end after the last file that is listed, found something else")
    except OSError as error:
        raise StorageError(f"{error.filename or bundle}: {error.strerror}", remedy="make room, or readable") from error


def _require_room(bundle: Path, file: IO[bytes], listed: list[_Listed], folder: Path) -> None:
    """Compare the file's length with what is listed, and what is listed with the disk, before anything is written."""
    bodies = sum(tarfile.BLOCKSIZE + one.bytes + len(_padding(one.bytes)) for one in listed)
    end, found = file.tell() + bodies + len(_END), os.fstat(file.fileno()).st_size
    if found != end:
        raise _damaged(bundle, f"expected its end after {end} bytes, found {found} bytes")
    needed, free = sum(one.bytes for one in listed), shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{bundle}: expected {needed} bytes free in {folder}, found {free}", remedy="make room, or set TMPDIR"
        )


def _manifest(bundle: Path, file: IO[bytes]) -> list[_Listed]:
    """Return what must follow, as the first member lists it."""
    header = file.read(tarfile.BLOCKSIZE)
    size = int(digits, 8) if _OCTAL.fullmatch(digits := header[124:135]) else MAX_MANIFEST_BYTES + 1
    if size > MAX_MANIFEST_BYTES or header != _header(MANIFEST, size):
        raise UsageError(f"{bundle}: expected a bundle, found another file", remedy="pass what `assay bundle` wrote")
    data = file.read(size)
    if len(data) != size or file.read(len(_padding(size))) != _padding(size):
        raise _damaged(bundle, f"{MANIFEST} is cut")
    if data.count(b"{") > MAX_FILES + 1 or data.count(b"[") > 1 or data.count(b",") > 3 * MAX_FILES + 1:
        raise _damaged(bundle, f"expected at most {MAX_FILES} files")  # before they take memory
    try:
        manifest = decode(data)
    except LedgerError as error:
        raise _damaged(bundle, error.what) from error
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), list)
    ):
        raise UsageError(
            f"{bundle}: expected the format {FORMAT}, found another", remedy="use the version that made it"
        )
    listed = [_listed(bundle, one) for one in manifest["files"]]
    names = {one.path for one in listed}
    if FILE_NAME not in names or len(names) != len(listed):
        raise _damaged(bundle, f"expected a {FILE_NAME} and each name once")
    if len(listed) > MAX_FILES or sum(one.bytes for one in listed) > MAX_BYTES:
        raise _damaged(bundle, f"expected at most {MAX_FILES} files and {MAX_BYTES} bytes")
    return listed


def _listed(bundle: Path, one: object) -> _Listed:
    if not isinstance(one, dict) or one.keys() != {"path", "bytes", "sha256"}:
        raise _damaged(bundle, f"{MANIFEST}: expected path, bytes and sha256 of each file")
    name, size, digest = one["path"], one["bytes"], one["sha256"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _damaged(bundle, f"{name!r:.80} is no name of a run's file")
    if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
        raise _damaged(bundle, f"{name}: expected at most {MAX_FILE_BYTES} bytes, found {size!r:.40}")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _damaged(bundle, f"{name}: expected a sha256, found {digest!r:.80}")
    if name.startswith(_BLOBS) and name != _BLOBS + digest:
        raise _damaged(bundle, f"{name}: expected the sha256 that names it, found {digest}")
    return _Listed(path=name, bytes=size, sha256=digest)


def _read_member(bundle: Path, file: IO[bytes], one: _Listed, folder: Path) -> None:
    header = _header(one.path, one.bytes)
    if file.read(len(header)) != header:
        raise _damaged(bundle, f"expected {one.path} next, as a plain file of {one.bytes} bytes, found something else")
    target, found, left = folder / one.path, hashlib.sha256(), one.bytes
    target.parent.mkdir(exist_ok=True)
    with target.open("xb") as written:
        while chunk := file.read(min(_CHUNK_BYTES, left)):
            found.update(chunk)
            left -= written.write(chunk)
    if left or found.hexdigest() != one.sha256:
        raise _damaged(bundle, f"{one.path}: expected {one.bytes} bytes with sha256 {one.sha256}, found others")
    if file.read(len(_padding(one.bytes))) != _padding(one.bytes):
        raise _damaged(bundle, f"expected zeros after {one.path}, found something else")


def _damaged(bundle: Path, what: str) -> BundleError:
    return BundleError(f"{bundle}: the bundle is damaged: {what}", remedy="get it again from where it was made")
