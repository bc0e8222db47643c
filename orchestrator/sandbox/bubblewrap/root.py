"""The files that a container in bubblewrap sees: a root made of copies, and folders of the host bound into it.

Copied are the interpreter, the shared libraries that it and its packages name, and our own two packages: some
30 MB, kept in the cache under their digest and checked against it each time. Bound from where they lie are the
standard library and torch with what it needs. There is no shell, no other program, and nothing of /etc.

The digest of all this stands where an image's stands. It covers the copies by content and the packages by
their installers' own lists of hashes (RECORD); that the files on disk still match those lists is not checked.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from orchestrator.cache import cache_dir
from orchestrator.errors import PreflightError, SandboxError
from sandbox_image.source import source_digest, source_files

PYTHON = "/usr/local/bin/python3"
STDLIB = f"/usr/local/{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
ASSAY, SITE = "/opt/assay", "/opt/assay/site"  # as in the image, and in `settings.ENVIRONMENT`
_PACKAGES = ("torch", "RestrictedPython")  # with all that they name as their needs
_REPOSITORY = Path(__file__).resolve().parents[3]
# Need libraries of the desktop, and no program has a use for them.
_SKIPPED_MODULES = ("_tkinter", "_curses", "_curses_panel", "readline", "nis", "_dbm", "_gdbm")
_SKIPPED_ENTRIES = ("..", "__pycache__", "bin")
_LISTED = re.compile(r"^\s*(?:(\S+) => )?(/\S+) \(0x", re.MULTILINE)  # one library of ldd(1)'s output
_NAMED = re.compile(r"^[A-Za-z0-9._-]+")
_LDD_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """What containers are given to see, read-only."""

    base: Path  # becomes /
    source: Path  # becomes /opt/assay/{sandbox_image,policies}
    binds: tuple[tuple[Path, str], ...]  # folders and files of the host, and where they are seen
    bound: Mapping[str, Any]  # what is bound, by name, version and digest: JSON

    @property
    def digest(self) -> str:
        """`sha256:...` over `bound`."""
        text = json.dumps(self.bound, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def make_root() -> Root:
    """Find, copy and name everything; quick where the copies are there already.

    Raises:
        PreflightError: a package or a shared library is missing.
        SandboxError: the cache cannot be written.
    """
    packages = {dist.name: dist for dist in _distributions()}
    binds = [(Path(sysconfig.get_path("stdlib")), STDLIB), *_site(packages)]
    try:
        base, base_digest = _kept("root", dict(_base_files(binds)))
        sources = {path.as_posix(): _REPOSITORY / path for path in source_files(_REPOSITORY)}
        source, _ = _kept("source", sources, prepare=_compile)
        _mountpoints(base, binds)
    except OSError as error:
        raise SandboxError(
            f"the files for bubblewrap cannot be put together: {error}", remedy=f"free disk in {cache_dir()}"
        ) from error
    bound = {
        "python": platform.python_version(),
        "root_sha256": base_digest,
        "source_sha256": source_digest(_REPOSITORY),
        "packages": {name: _described(dist) for name, dist in sorted(packages.items())},
    }
    return Root(base=base, source=source, binds=tuple(binds), bound=bound)


def _distributions() -> Iterator[metadata.Distribution]:
    """Yield the packages that programs get, and whatever each of them needs and is installed."""
    todo, seen = list(_PACKAGES), set()
    while todo:
        name = todo.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in _PACKAGES:
                raise PreflightError(f"the package {name} is not installed", remedy="run `make setup`") from None
            continue
        yield found
        needs = [need for need in found.requires or () if "extra ==" not in need]
        todo += [match.group() for need in needs if (match := _NAMED.match(need))]


def _site(packages: Mapping[str, metadata.Distribution]) -> list[tuple[Path, str]]:
    """Return each top-level module or package that these installed, and where it is seen."""
    places = {}
    for dist in packages.values():
        entries = {
            line.split("/")[0].split(",")[0].strip('"') for line in (dist.read_text("RECORD") or "").splitlines()
        }
        for entry in entries - set(_SKIPPED_ENTRIES):
            path = Path(str(dist.locate_file(entry)))
            if path.exists() and path.suffix not in (".pth", ".dist-info"):
                places[entry] = path
    return [(path, f"{SITE}/{entry}") for entry, path in sorted(places.items())]


def _described(dist: metadata.Distribution) -> str:
    record = hashlib.sha256((dist.read_text("RECORD") or "").encode()).hexdigest()
    return f"{dist.version} RECORD sha256:{record}"


def _base_files(binds: list[tuple[Path, str]]) -> Iterator[tuple[str, Path]]:
    """Yield place in the root and file, for interpreter and libraries."""
    python = Path(sys.executable).resolve()
    yield PYTHON.lstrip("/"), python
    extensions = [
        path
        for path in sorted((binds[0][0] / "lib-dynload").glob("*.so"))
        if path.name.split(".")[0] not in _SKIPPED_MODULES
    ]
    own = [path.resolve() for path, _ in binds]
    for path, _ in binds[1:]:
        extensions += sorted(path.glob("*.so*")) + sorted(path.glob("lib/*.so*")) if path.is_dir() else []
    for name, path in _libraries([python, *extensions]).items():
        if not any(path.resolve().is_relative_to(folder) for folder in own):
            yield (f"usr/lib/{name}" if name else str(path).lstrip("/")), path.resolve()


def _libraries(files: list[Path]) -> dict[str, Path]:
    """Return name -> file of every shared library that these load; the loader itself has no name but its path."""
    command = ["ldd", *map(str, files)]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_LDD_SECONDS, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PreflightError(f"ldd cannot be run: {error}", remedy="install it (Debian: libc-bin)") from error
    found: dict[str, Path] = {}
    for name, path in _LISTED.findall(said):
        found.setdefault(name, Path(path))
    if "" not in found:
        raise PreflightError("ldd names no loader for this Python", remedy="use a dynamically linked CPython on glibc")
    return found


def _kept(kind: str, files: Mapping[str, Path], *, prepare: Any = None) -> tuple[Path, str]:
    """Return a folder of the cache that holds copies of these files, and the digest over names and contents."""
    digest = _digest(files)
    folder = cache_dir() / "bubblewrap" / f"{kind}-{digest[:32]}"
    if not _holds(folder, files, digest):
        shutil.rmtree(folder, ignore_errors=True)
        fresh = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
        try:
            _copy(files, fresh)
            if prepare is not None:
                prepare(fresh)
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            if not _holds(folder, files, digest):  # unless another run was quicker
                raise
    return folder, digest


def _digest(files: Mapping[str, Path]) -> str:
    whole = hashlib.sha256()
    for name, path in sorted(files.items()):
        with path.open("rb") as stream:
            whole.update(f"{name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _holds(folder: Path, files: Mapping[str, Path], digest: str) -> bool:
    try:
        return _digest({name: folder / name for name in files}) == digest
    except OSError:
        return False


def _copy(files: Mapping[str, Path], folder: Path) -> None:
    """Copy, readable by anyone: containers run as nobody's user."""
    for name, path in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        place.chmod(0o755)


def _compile(folder: Path) -> None:
    """Compile our sources: containers may not, and would each time."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, stripdir=folder, prependdir=ASSAY, invalidation_mode=mode):
        raise SandboxError(f"the sources in {folder} do not compile")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _mountpoints(base: Path, binds: list[tuple[Path, str]]) -> None:
    """Make in the root what is mounted over: once it is in use, nobody can."""
    folders = ["proc", "dev", "tmp", "inputs", "opt/assay/sandbox_image", "opt/assay/policies"]
    files = ["output"]
    for path, inside in binds:
        (folders if path.is_dir() else files).append(inside.lstrip("/"))
    for name in folders:
        (base / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()
    for link in ("lib", "lib64"):
        if not (base / link).exists():
            (base / link).symlink_to("usr/lib")
