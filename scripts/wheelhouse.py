"""The wheels that the sandbox image is built from, fetched by the host's pip from wherever it is configured to look."""

from __future__ import annotations

import hashlib
import platform
import shutil
from pathlib import Path

from orchestrator.cache import cache_dir
from scripts import host
from scripts.console import CommandError, Console, SetupError, quiet

LOCK = host.ROOT / "sandbox_image" / "requirements.lock"
PIP = "pip==26.3"  # runs inside the build, out of its own wheel
IMAGE_PYTHON = "3.11"


def prepare(console: Console) -> Path:
    """Return the folder of wheels, complete; downloads them the first time.

    Raises:
        SetupError: pip found no matching wheels, or reached no index.
    """
    folder = location()
    if folder.is_dir():
        console.done(f"{len(list(folder.iterdir()))} wheels in {folder}")
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command: list[str | Path] = [host.VENV_PYTHON, "-m", "pip", "download", "--progress-bar", "off", "--dest", partial]
    try:
        console.run([*command, "--only-binary", ":all:", *foreign(_host_python()), "--requirement", LOCK, PIP])
    except CommandError as error:
        raise SetupError(
            f"pip could not fetch the image's wheels: {error.last_line}",
            "see that pip reaches a package index (`.venv/bin/pip config list`), then run it again",
        ) from error
    partial.rename(folder)  # its name says that it is complete
    console.done(f"{len(list(folder.iterdir()))} wheels fetched")
    return folder


def location() -> Path:
    """Return where the wheels of this lock file lie."""
    digest = hashlib.sha256(LOCK.read_bytes() + PIP.encode()).hexdigest()[:12]
    return cache_dir() / "wheels" / f"{digest}-{platform.machine()}"


def foreign(host_python: str) -> list[str]:
    """Return pip's options for fetching wheels of the image's Python where the host's is another."""
    if host_python == IMAGE_PYTHON:
        return []
    machine = platform.machine()
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (28, 27, 24, 17, 12, 5)]
    options = ["--python-version", IMAGE_PYTHON, "--implementation", "cp", "--abi", "cp311", "--abi", "abi3"]
    options += ["--abi", "none"]
    for name in (*platforms, f"manylinux2014_{machine}", f"linux_{machine}", "any"):
        options += ["--platform", name]
    return options


def _host_python() -> str:
    version = quiet([host.VENV_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return version or IMAGE_PYTHON
