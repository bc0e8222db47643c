"""Which docker command set-up calls: the installed one where it suits the engine, else docker-py's stand-in."""

from __future__ import annotations

import functools
import json
from typing import Any

from scripts import engine, host
from scripts.console import quiet

STAND_IN = (str(host.VENV_PYTHON), "-m", "scripts.docker_py")


@functools.cache
def docker() -> tuple[str, ...]:
    """Return the words to begin a docker command with.

    A command much newer than the engine refuses to talk to it, and a machine may have none.
    """
    works = quiet(["docker", "version", "--format", "{{.Server.Version}}"], env=engine_env())
    return ("docker",) if works else STAND_IN


def engine_env() -> dict[str, str]:
    """Point every command at the engine that runs will use, whatever docker's own context says."""
    return {"DOCKER_HOST": engine.engine_host(), "PYTHONPATH": str(host.ROOT)}


def inspect(image: str) -> dict[str, Any] | None:
    """Return what the engine knows of an image; None where it has none."""
    answer = quiet([*docker(), "image", "inspect", image], env=engine_env())
    if answer is None:
        return None
    found: dict[str, Any] = json.loads(answer)[0]
    return found
