"""The sandbox image: built from wheels and sources on the host, with no network, when either has changed."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sandbox_image.source import source_digest, source_files
from scripts import host
from scripts.client import docker, engine_env, inspect
from scripts.console import CommandError, Console, SetupError

NAME = os.environ.get("ASSAY_IMAGE", "assay-sandbox")  # the name in [image] of a run's configuration
SOURCE_LABEL = "assay.source"  # read by `assay doctor` as well
RECIPE_LABEL = "assay.recipe"
DOCKERFILE = host.ROOT / "Dockerfile"
STRIPPER = host.ROOT / "scripts" / "strip_root.py"


def prepare(console: Console, base: str, wheels: Path) -> None:
    """Build the image unless the engine has one of these very sources.

    Raises:
        SetupError: the build failed.
    """
    source, recipe = source_digest(host.ROOT), recipe_digest(base, wheels)
    if current(source, recipe):
        console.done(f"{NAME} is up to date")
        return
    command = [*docker(), "build", "--network", "none", "--target", "sandbox", "--tag", NAME]
    command += ["--build-arg", f"BASE={base}", "--build-arg", f"SOURCE={source}", "--build-arg", f"RECIPE={recipe}"]
    try:
        console.run([*command, "-"], env=engine_env(), feed=lambda pipe: write_context(pipe, wheels))
    except CommandError as error:
        raise SetupError(
            f"the sandbox image could not be built: {error.last_line}",
            "mend that, then run `make image`",
        ) from error
    if not current(source, recipe):
        raise SetupError(f"{NAME} was built and does not carry this source's label", "run `make image` again")
    console.done(f"built {NAME}")


def current(source: str, recipe: str) -> bool:
    """Whether the engine has an image of these sources, made in this way."""
    found = inspect(NAME)
    labels = (found or {}).get("Config", {}).get("Labels") or {}
    return labels.get(SOURCE_LABEL) == source and labels.get(RECIPE_LABEL) == recipe


def recipe_digest(base: str, wheels: Path) -> str:
    """Digest of how the image is made: base, wheels, Dockerfile, and what strips the root."""
    parts = [base, wheels.name, DOCKERFILE.read_text(), STRIPPER.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def write_context(pipe: IO[bytes], wheels: Path) -> None:
    """Write the build's context as a tar stream: only what the build needs, the same bytes each time."""
    with tarfile.open(fileobj=pipe, mode="w|") as archive:
        for name, path in context_files(wheels):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o444  # whatever umask the checkout was made with
            with path.open("rb") as content:
                archive.addfile(entry, content)


def context_files(wheels: Path) -> Iterator[tuple[str, Path]]:
    """Yield name in the context and file, for all that the build sees."""
    yield "Dockerfile", DOCKERFILE
    yield "strip_root.py", STRIPPER
    yield "requirements.lock", host.ROOT / "sandbox_image" / "requirements.lock"
    for path in source_files(host.ROOT):
        yield path.as_posix(), host.ROOT / path
    for path in sorted(wheels.iterdir()):
        yield f"wheels/{path.name}", path
