"""The class of environment: what must be the same before the same bits are owed.

Within a class, another bit is a divergence and never tolerance. The class is what the contained process computes
with: the image (which holds its torch), the sandbox, the device, the processor and the GPU. What the orchestrator
computes with (its threads, its torch, the kernel) does not reach a merge: threads and numeric knobs are fixed inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DECIDING = ("image", "sandbox", "device", "cpu", "gpu")
_BESIDE = ("platform", "python", "threads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What deciding facts there are, and others that a reader may want to know."""

    deciding: Mapping[str, str]
    beside: Mapping[str, str]

    def differs(self, other: Environment) -> tuple[str, ...]:
        """Name the deciding facts that are not the same: none, and both are of one class."""
        return tuple(name for name in DECIDING if self.deciding.get(name) != other.deciding.get(name))

    def as_json(self) -> dict[str, str]:
        return {**self.deciding, **self.beside}


def environment(sandbox: Mapping[str, Any], profile: Mapping[str, Any], *, device: str) -> Environment:
    """Return the environment that a run's description of its sandbox and its determinism profile speak of."""
    return Environment(
        deciding={
            "image": str(sandbox.get("image_id", "")),
            "sandbox": str(sandbox.get("sandbox", "docker")),
            "device": device,
            "cpu": str(profile.get("cpu", "")),
            "gpu": str(profile.get("gpu", "")),
        },
        beside={
            **{name: str(profile.get(name, "")) for name in _BESIDE},
            "runtime": str(sandbox.get("runtime", "")),
            "torch": str(profile.get("packages", {}).get("torch", "")),
        },
    )


def described(names: Sequence[str], record: Environment, here: Environment) -> str:
    """Say in words what is not the same."""
    return ", ".join(
        f"{name} {here.deciding.get(name) or 'unknown'} instead of {record.deciding.get(name) or 'unknown'}"
        for name in names
    )
