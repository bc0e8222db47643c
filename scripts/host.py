"""This machine, as set-up sees it: folders, privileges, system packages. Decides nothing about engines or images."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cache import cache_dir
from scripts.console import CommandError, Console, SetupError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
NO_INSTALL = "ASSAY_NO_SYSTEM_INSTALL"
APT_SOURCES = Path("/etc/apt")


@contextlib.contextmanager
def one_at_a_time(console: Console) -> Iterator[None]:
    """Hold the lock that keeps two set-ups from building the same thing."""
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "setup.lock").open("w")
    except OSError as error:
        raise SetupError(
            f"the cache folder {folder} cannot be written ({error.strerror})", "set ASSAY_CACHE to one that can"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("another set-up is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """What may be changed on this machine outside the repository and the cache."""

    root: bool
    apt: bool
    forbidden: bool  # ASSAY_NO_SYSTEM_INSTALL=1

    @classmethod
    def found(cls, environ: Mapping[str, str] = os.environ) -> Privileges:
        """Look at this process."""
        return cls(
            root=os.geteuid() == 0,
            apt=shutil.which("apt-get") is not None,
            forbidden=environ.get(NO_INSTALL, "") not in ("", "0"),
        )

    def check_install(self, packages: tuple[str, ...], why: str) -> None:
        """Refuse where system packages cannot or must not be installed.

        Raises:
            SetupError: with the exact command that would help.
        """
        names = " ".join(packages)
        if self.forbidden:
            raise SetupError(
                f"{why}, and {NO_INSTALL} forbids installing it", f"run `apt-get install {names}` yourself"
            )
        if not self.apt:
            raise SetupError(f"{why}, and this machine has no apt-get", f"install {names} with its own package manager")
        if not self.root:
            raise SetupError(f"{why}, and only root may install it", f"run `sudo apt-get install {names}`")


def install(console: Console, packages: tuple[str, ...], why: str, privileges: Privileges | None = None) -> None:
    """Install Debian packages system-wide, after saying so.

    Raises:
        SetupError: not permitted, or apt-get failed.
    """
    (privileges or Privileges.found()).check_install(packages, why)
    names = " ".join(packages)
    console.say(f"{why}: installing system-wide with apt-get: {names} ({NO_INSTALL}=1 forbids this)")
    quiet_apt = {"DEBIAN_FRONTEND": "noninteractive"}
    with contextlib.suppress(CommandError):  # one dead source of many; the installation itself decides
        console.run(["apt-get", "update"], env=quiet_apt)
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    try:
        console.run(command, env=quiet_apt, let_finish=True)
    except CommandError as error:
        raise SetupError(
            f"apt-get could not install {names}: {error.last_line}", f"mend it, then run `apt-get install {names}`"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class AptSource:
    """One place that apt gets packages from."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def debian_mirror(suite: str, folder: Path = APT_SOURCES, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the mirror that this machine itself gets Debian from: ASSAY_DEBIAN_MIRROR, or from apt's sources.

    A source of exactly this suite is best; any other that is named like a Debian mirror will have it too.
    """
    if chosen := environ.get("ASSAY_DEBIAN_MIRROR"):
        return chosen
    usable = [source for source in apt_sources(folder) if re.match(r"https?://", source.uri)]
    exact = [source.uri for source in usable if suite in source.suites and "main" in source.components]
    similar = [source.uri for source in usable if source.uri.rstrip("/").endswith("/debian")]
    return next(iter(exact + similar), None)


def apt_sources(folder: Path = APT_SOURCES) -> list[AptSource]:
    """Read apt's binary package sources, in both of its formats."""
    sources: list[AptSource] = []
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if path.is_file() and path.suffix == ".list":
            sources += _one_line_format(path.read_text(errors="replace"))
        elif path.is_file() and path.suffix == ".sources":
            sources += _deb822_format(path.read_text(errors="replace"))
    return sources


def _one_line_format(text: str) -> list[AptSource]:
    """`deb [options] URI suite component...`"""
    lines = re.findall(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)([^#\n]*)", text, flags=re.MULTILINE)
    return [
        AptSource(uri=uri, suites=(suite,), components=tuple(components.split())) for uri, suite, components in lines
    ]


def _deb822_format(text: str) -> list[AptSource]:
    """Paragraphs of `Field: values`; one with `Enabled: no` is off."""
    sources: list[AptSource] = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = {key.lower(): value.split() for key, value in re.findall(r"^([\w-]+):(.*)$", paragraph, re.MULTILINE)}
        if fields.get("enabled") == ["no"] or "deb" not in fields.get("types", ()):
            continue
        sources += [
            AptSource(uri=uri, suites=tuple(fields.get("suites", ())), components=tuple(fields.get("components", ())))
            for uri in fields.get("uris", ())
        ]
    return sources
