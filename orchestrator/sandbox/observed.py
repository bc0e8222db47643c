"""What the host saw of a container, put into the forms that others keep: ledger events and the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.candidate import Receipt
from orchestrator.config import RunConfig
from orchestrator.credentials import shown
from orchestrator.errors import SandboxError
from orchestrator.sandbox.container import Container, Exit
from orchestrator.sandbox.settings import seccomp_digest
from sandbox_image.protocol import MAX_DETAIL_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A container's end as the host saw it."""

    exit: Exit
    timed_out: bool
    flooded: bool
    leftover: int  # processes beside the runner when it said that it was done
    wall_seconds: float
    interference: str = ""  # what the platform was seen to do to it, where nobody here had ended it


def recorded_limits(config: RunConfig) -> dict[str, Any]:
    """Return what bounds a container, for the record of the run."""
    limits = config.container
    return {
        "memory_mb": limits.memory_mb,
        "cpus": decimal(limits.cpus),
        "pids": limits.pids,
        "tmpfs_mb": limits.tmpfs_mb,
        "nofile": limits.nofile,
        "timeout_seconds": decimal(limits.timeout_seconds),
    }


def created(
    container: Container, purpose: str, program: str, *, sandbox: str, image_id: str, runtime: str
) -> dict[str, Any]:
    """Return the data of `sandbox.created`: what was granted, which is what was asked."""
    return {
        **started(container, purpose, program),
        "sandbox": sandbox,
        "image_id": image_id,
        "runtime": runtime,
        "seccomp_sha256": seccomp_digest(),
        "host_config": container.effective,
    }


def started(container: Container, purpose: str, program: str) -> dict[str, Any]:
    """Return the data of `sandbox.started`."""
    return {"container_id": container.id, "purpose": purpose, "program_sha256": program}


def exited(container: Container, purpose: str, program: str, ended: Ended | None) -> dict[str, Any]:
    """Return the data of `sandbox.exited`; with None, the platform lost sight of the container."""
    return {
        **started(container, purpose, program),
        "exit_code": ended.exit.exit_code if ended else None,
        "oom_killed": ended.exit.oom_killed if ended else False,
        "timed_out": ended.timed_out if ended else False,
        "wall_seconds": decimal(ended.wall_seconds) if ended else "",
        "startup_seconds": decimal(container.startup_seconds),
        "peak_memory_bytes": container.reading.peak_bytes,
        "stdout_sha256": container.streams.stdout.sha256,
        "stderr_sha256": container.streams.stderr.sha256,
        "truncated": container.streams.truncated,
    }


def faulted(purpose: str, program: str, attempt: int, error: SandboxError) -> dict[str, Any]:
    """Return the data of `sandbox.faulted`."""
    what = shown(error.what, MAX_DETAIL_CHARS)
    return {"purpose": purpose, "program_sha256": program, "attempt": attempt, "what": what}


def receipt_of(container: Container, ended: Ended, image_id: str) -> Receipt:
    """Return the receipt of a finished run."""
    return Receipt(
        container_id=container.id,
        image_id=image_id,
        exit_code=ended.exit.exit_code,
        oom_killed=ended.exit.oom_killed,
        timed_out=ended.timed_out,
        wall_seconds=ended.wall_seconds,
        startup_seconds=container.startup_seconds,
        peak_memory_bytes=container.reading.peak_bytes,
        stdout=container.streams.stdout.text,
        stderr=container.streams.stderr.text,
        truncated=container.streams.truncated,
    )


def decimal(value: float) -> str:
    """Return a number as the ledger holds it: a string of digits, microseconds at most."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
