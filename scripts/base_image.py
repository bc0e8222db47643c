"""The image that the sandbox is built on: a pinned public one, or one made here from Debian's packages."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import IO

from orchestrator.cache import cache_dir
from scripts import host
from scripts.client import docker, engine_env, inspect
from scripts.console import CommandError, Console, SetupError, quiet

PUBLIC = "python:3.11.13-slim-bookworm"  # the default of the Dockerfile's BASE too
SUITE = "bookworm"
INCLUDED = "python3"  # 3.11 in this suite
LEFT_OUT = (  # not needed by anything that is built on it
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./usr/share/doc/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
)
REGISTRY_SECONDS = 20.0  # to hear anything at all from a registry
RECIPE = hashlib.sha256(repr((SUITE, INCLUDED, LEFT_OUT)).encode()).hexdigest()[:8]
LOCAL = f"assay-base:{SUITE}-{RECIPE}"


def prepare(console: Console) -> str:
    """Return the name of a base image that the engine has, getting or making one first if need be.

    Raises:
        SetupError: none can be pulled, and none can be made here.
    """
    if chosen := os.environ.get("ASSAY_BASE"):
        return _chosen(console, chosen)
    for name in (LOCAL, PUBLIC):
        if inspect(name):
            console.done(f"{name} is here")
            return name
    if _pull(console, PUBLIC):
        console.done(f"pulled {PUBLIC}")
        return PUBLIC
    console.say(f"{PUBLIC} cannot be pulled here; making a base from Debian's packages")
    _make(console)
    console.done(f"made {LOCAL}")
    return LOCAL


def _chosen(console: Console, name: str) -> str:
    if not inspect(name) and not _pull(console, name):
        raise SetupError(f"ASSAY_BASE={name} is not here and cannot be pulled", "run `unset ASSAY_BASE`, or load it")
    console.done(f"{name}, as ASSAY_BASE says")
    return name


def _pull(console: Console, name: str) -> bool:
    try:
        console.run([*docker(), "pull", name], env=engine_env(), first_line_seconds=REGISTRY_SECONDS)
    except CommandError:
        return False
    return inspect(name) is not None


def check_makeable(*, root: bool, mirror: str | None) -> str:
    """Return the mirror to make a base from.

    Raises:
        SetupError: not root, or no Debian mirror is known.
    """
    if not root:
        raise SetupError(
            "no base image can be pulled, and only root may make one (debootstrap)",
            "run `sudo make image`, or `docker load` one and set ASSAY_BASE to its name",
        )
    if mirror is None:
        raise SetupError(
            "no base image can be pulled, and apt's sources name no Debian mirror to make one from",
            "set ASSAY_DEBIAN_MIRROR to the URL of one",
        )
    return mirror


def _make(console: Console) -> None:
    """Run debootstrap into the cache, import the result, and leave nothing behind."""
    mirror = check_makeable(root=os.geteuid() == 0, mirror=host.debian_mirror(SUITE))
    if shutil.which("debootstrap", path=_system_path()) is None:
        host.install(console, ("debootstrap",), "debootstrap is missing")
    folder = cache_dir() / "base-root.partial"
    _remove(folder)
    try:
        console.run(
            ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", SUITE, folder, mirror],
            env={"PATH": _system_path()},
        )
        console.say("importing it into the engine")
        console.run([*docker(), "import", "-", LOCAL], env=engine_env(), feed=lambda pipe: _archive(folder, pipe))
    except CommandError as error:
        raise SetupError(
            f"the base image could not be made: {error.last_line}",
            "mend that, or `docker load` a base image and set ASSAY_BASE to its name",
        ) from error
    finally:
        _remove(folder)


def _archive(folder: Path, pipe: IO[bytes]) -> None:
    excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    command = ["tar", "--create", "--numeric-owner", *excluded, "--directory", str(folder), "."]
    subprocess.run(command, stdout=pipe, check=True)  # noqa: S603


def _remove(folder: Path) -> None:
    """Remove a root made by debootstrap, after undoing mounts that an interrupted one may have left in it."""
    with contextlib.suppress(FileNotFoundError):
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
            quiet(["umount", mount])
        if any(line.split()[1].startswith(f"{folder}/") for line in Path("/proc/self/mounts").read_text().splitlines()):
            raise SetupError(f"something is still mounted below {folder}", f"unmount it, then run `rm -r {folder}`")
        shutil.rmtree(folder)


def _system_path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
