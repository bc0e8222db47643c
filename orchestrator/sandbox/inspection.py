"""Puts together what is seen of one started container, for `protections.py` to judge."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.config import RunConfig
from orchestrator.sandbox.container import Container
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.kernel import look_at
from orchestrator.sandbox.protections import Seen
from orchestrator.sandbox.settings import asked_of

OWN_KERNELS = ("runsc", "kata")  # runtimes whose containers have a kernel that is not the host's


def inspect(
    container: Container,
    config: RunConfig,
    *,
    engine: EngineFacts | None,
    image_id: str,
    runtime: str,
    file_bytes: int,
    own_uid: bool,
) -> Seen:
    """Look at a container that is ready for a program and has had none, so that what it says is believed."""
    asked = asked_of(config, image_id=image_id, runtime=runtime, file_bytes=file_bytes, own_uid=own_uid)
    pid = None if runtime.startswith(OWN_KERNELS) else container.pid
    kernel = look_at(pid, (*asked.masked, *asked.read_only)) if pid else None
    if kernel is not None and container.environment is not None:
        kernel = replace(kernel, environment=container.environment)
    return Seen(
        asked=asked,
        kernel=kernel,
        engine=engine,
        settings=container.effective,
        inside=frozenset(container.walls),
    )
