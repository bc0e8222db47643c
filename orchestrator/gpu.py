"""Which GPU programs run on: its model, the driver, and what torch calls its capability. Bits depend on them.

Read from the driver's own files, so that it does not matter whether the orchestrator's torch knows CUDA. It names
what the configuration points to; that a container is given that GPU is the engine's business.
"""

from __future__ import annotations

from pathlib import Path

DRIVER = Path("/proc/driver/nvidia")
UNKNOWN = "unknown"


def gpu_named(which: str, driver: Path = DRIVER) -> str:
    """Return `model, driver version, capability` of a GPU by its index (in the order of the bus) or its UUID."""
    model = _model(which, driver)
    return ", ".join(part for part in (model, _version(driver), _capability(model)) if part)


def _model(which: str, driver: Path) -> str:
    cards = [_facts(path) for path in sorted(driver.glob("gpus/*/information"))]
    for index, card in enumerate(cards):
        if which in (str(index), card.get("GPU UUID")):
            return card.get("Model", UNKNOWN)
    return UNKNOWN


def _facts(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _version(driver: Path) -> str:
    """Return the kernel module's version: the first word in its line that is made of numbers and points."""
    line = _facts(driver / "version").get("NVRM version", "")
    numbers = (word for word in line.split() if word[0].isdecimal() and "." in word)
    return f"driver {next(numbers, UNKNOWN)}"


def _capability(model: str) -> str:
    """Return the capability of a GPU of this model, where the orchestrator's torch sees one."""
    import torch

    if not torch.cuda.is_available():
        return ""
    for index in range(torch.cuda.device_count()):
        if torch.cuda.get_device_name(index) == model:
            major, minor = torch.cuda.get_device_capability(index)
            return f"capability {major}.{minor}"
    return ""
