"""The connection to the container engine, and what the engine says of itself.

The only module that imports docker: everything else gets its client, its exception types and its
facts from here. It starts no container and changes nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from orchestrator.errors import PreflightError
from orchestrator.sandbox.facts import SANDBOX_IMAGE, SOURCE_LABEL, EngineFacts

__all__ = [
    "APIError",
    "Client",
    "DockerException",
    "ImageNotFound",
    "NotFound",
    "connect",
    "engine_address",
    "engine_facts",
    "open_events",
]

Client = docker.DockerClient
CONNECT_SECONDS = 60  # per request: an engine that is removing large layers can be slow
DEFAULT_SOCKET = "unix:///var/run/docker.sock"


def connect(timeout: float = CONNECT_SECONDS) -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names (default: the local socket), which has answered.

    The API version is negotiated, so that engines from 20.10 on serve.

    Raises:
        PreflightError: no engine answers there; the remedy names the command or setting.
    """
    try:
        _knock(engine_address())
        client = docker.from_env(timeout=int(timeout), version="auto")
    except (DockerException, OSError, ValueError) as error:
        raise _unreachable(error) from error
    try:
        client.ping()
    except (DockerException, OSError) as error:
        client.close()
        raise _unreachable(error) from error
    return client


def engine_address() -> str:
    """Return where the engine is looked for: DOCKER_HOST, or the local socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET


def _knock(address: str) -> None:
    """Connect to a unix socket and hang up: docker-py leaks its own where nobody listens.

    Raises:
        OSError: nobody listens, or this user may not connect.
    """
    url = urlsplit(address)
    if url.scheme == "unix":
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.connect(url.path)


def open_events(client: Client, *, timeout: float | None, **params: str) -> Any:
    """Return the engine's stream of events as a streaming response; docker-py's own cannot be given a time-out.

    Raises:
        DockerException or OSError: the engine refused, or is gone.
    """
    api: Any = client.api
    response = api._get(api._url("/events"), params=params, stream=True, timeout=timeout)
    api._raise_for_status(response)
    return response


def engine_facts(image_name: str = SANDBOX_IMAGE) -> EngineFacts:
    """Ask the engine what it can do and what `image_name` points to. Never raises for an absent engine."""
    try:
        client = connect()
    except PreflightError as error:
        return EngineFacts(reachable=False, error=error.what, remedy=error.remedy)
    try:
        info = client.info()
        api_version = str(client.version().get("ApiVersion", ""))
        image_id, image_source = _image(client, image_name)
    except (DockerException, OSError) as error:
        return EngineFacts(reachable=False, error=f"the engine stopped answering: {error}", remedy="run it again")
    finally:
        client.close()
    return facts_from_info(info, api_version=api_version, image_id=image_id, image_source=image_source)


def facts_from_info(info: Mapping[str, Any], *, api_version: str, image_id: str, image_source: str) -> EngineFacts:
    """Read the engine's `/info` answer; absent keys count as absent abilities."""
    runtimes = tuple(sorted(info.get("Runtimes") or {}))
    return EngineFacts(
        reachable=True,
        version=str(info.get("ServerVersion", "")),
        api_version=api_version,
        runtimes=runtimes,
        default_runtime=str(info.get("DefaultRuntime", "")),
        cgroup_version=str(info.get("CgroupVersion", "1")),
        memory_limit=bool(info.get("MemoryLimit")),
        swap_limit=bool(info.get("SwapLimit")),
        pids_limit=bool(info.get("PidsLimit")),
        cpu_quota=bool(info.get("CpuCfsQuota", info.get("CPUCfsQuota"))),
        security_options=tuple(info.get("SecurityOptions") or ()),
        root_dir=str(info.get("DockerRootDir", "")),
        image_id=image_id,
        image_source=image_source,
        gpu_runtime="nvidia" in runtimes or _has_cdi_gpu(info),
    )


def _has_cdi_gpu(info: Mapping[str, Any]) -> bool:
    """Engines from 28.3 on list CDI devices in their info."""
    devices = info.get("DiscoveredDevices") or ()
    return any(str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices)


def _image(client: docker.DockerClient, name: str) -> tuple[str, str]:
    try:
        image = client.images.get(name)
    except ImageNotFound:
        return "", ""
    return str(image.id), str(image.labels.get(SOURCE_LABEL, ""))


def _unreachable(error: Exception) -> PreflightError:
    host = os.environ.get("DOCKER_HOST", "")
    where = host or DEFAULT_SOCKET
    return PreflightError(f"no container engine answers at {where}: {_cause(error)}", remedy=_remedy(host))


def _cause(error: BaseException) -> str:
    """The innermost reason: docker-py wraps an OSError four deep."""
    while (inner := error.__cause__ or error.__context__) is not None and inner is not error:
        error = inner
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _remedy(host: str) -> str:
    if host:
        return "correct or unset DOCKER_HOST"
    path = Path(urlsplit(DEFAULT_SOCKET).path)
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return f"you may not use {path}: run `sudo usermod -aG docker $USER` and log in again"
    return "run `make setup`, which starts an engine, or set DOCKER_HOST to one"
