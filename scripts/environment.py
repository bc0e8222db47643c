"""The virtual environment: made once, brought up to date when what it is made from changes."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from scripts import host
from scripts.console import CommandError, Console, SetupError, quiet

STAMP = host.VENV / ".assay-stamp"
# The image's pins bind the host too: program and verifier use the same torch and the same RestrictedPython.
PINS = host.ROOT / "sandbox_image" / "requirements.lock"
MADE_FROM = (host.ROOT / "pyproject.toml", PINS)


def prepare(console: Console) -> None:
    """Make `.venv` and install the project with its development tools, unless both are done already.

    Raises:
        SetupError: Python's venv module is missing, or pip failed.
    """
    wanted = digest()
    if _usable() and STAMP.is_file() and STAMP.read_text() == wanted:
        console.done("up to date")
        return
    if not _usable():
        _create(console)
    STAMP.unlink(missing_ok=True)
    command: list[str | Path] = [host.VENV_PYTHON, "-m", "pip", "install", "--progress-bar", "off"]
    try:
        console.run([*command, "--constraint", PINS, "--editable", f"{host.ROOT}[dev]"])
    except CommandError as error:
        raise SetupError(
            f"pip could not install the project: {_reason(error)}",
            "see that pip reaches a package index (`.venv/bin/pip config list`), then run it again",
        ) from error
    STAMP.write_text(wanted)
    console.done(f"{host.VENV.name} is ready")


def digest() -> str:
    """What the environment is made from: requirements, pins, and the Python that runs it."""
    content = b"\0".join(path.read_bytes() for path in MADE_FROM)
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def _usable() -> bool:
    """An environment that was cut off half-way has no working pip."""
    return quiet([host.VENV_PYTHON, "-c", "import pip"]) is not None


def _create(console: Console) -> None:
    if quiet([sys.executable, "-c", "import ensurepip, venv"]) is None:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        host.install(console, (f"{version}-venv",), "Python's venv module is missing")
    try:
        console.run([sys.executable, "-m", "venv", "--clear", host.VENV])
    except CommandError as error:
        raise SetupError(f"{host.VENV} could not be made: {error.last_line}", "mend that, then run it again") from error


def _reason(error: CommandError) -> str:
    """Pip's own error line says more than its last one, which may be a hint."""
    errors = [line for line in error.tail if line.startswith("ERROR:")]
    return errors[-1].removeprefix("ERROR:").strip() if errors else error.last_line
