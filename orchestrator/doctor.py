"""Judges whether this machine can run Assay, and says how to mend what is not in order.

Looks only: installs nothing and changes nothing, but that one container without a program is started, looked
at and removed. `assay doctor` prints the result; a run's own preflight (`session.py`, `containment.py`)
refuses on what it needs, whatever was said here.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from orchestrator.cache import cache_dir
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import AssayError
from orchestrator.lab.build import FACTS
from orchestrator.lab.recipe import RECIPE
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.facts import SANDBOX_IMAGE, EngineFacts
from orchestrator.sandbox.protections import Finding, Seen, judge, needed
from sandbox_image.protocol import TensorSpec
from sandbox_image.source import source_digest

State = Literal["ok", "warn", "missing", "in effect", "not offered"]

GIB = 1024**3
OLDEST_ENGINE = (20, 10)  # private cgroup namespaces and what else the containers ask for
RECENT_ENGINE = (29, 5)  # older ones have published escapes; distributions backport fixes, versions do not show it
FREE_NEEDED = 1 * GIB  # below this a run fails
FREE_WANTED = 4 * GIB  # images, wheels, the lab and a few runs
RUNS = Path("runs")
PROTECTION = "protection: "  # before a protection's name, among the checks' own
_PROBE = TensorSpec(name="probe", dtype="F32", shape=(1,), offset=0, nbytes=4)
_NO_RUN = {"name": "doctor", "models": {"seed": "none", "candidates": {"none": "none"}}}
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `warn` still runs; `missing` does not, nor a protection that is needed and not in effect."""

    name: str
    state: State
    found: str
    remedy: str = ""
    needed: bool = True

    @property
    def fails(self) -> bool:
        """Whether a run would be refused for it."""
        return self.needed and self.state in ("missing", "not offered")


def diagnose(config: RunConfig | None) -> list[Check]:
    """Look at this machine; with a configuration, at what that one needs too."""
    facts = engine_facts(config.image.name if config else SANDBOX_IMAGE)
    checks = [check_engine(facts)]
    if facts.reachable:
        checks += judge_engine(facts, config, source=source_digest(_ROOT))
    if _without_engine(config):
        checks = [replace(check, needed=False) for check in checks]
    places = [("cache", cache_dir()), ("runs", RUNS)]
    if facts.reachable and os.path.isdir(facts.root_dir):  # the engine may be on another host
        places.append(("engine", Path(facts.root_dir)))
    checks += [check_user(facts), *(check_disk(name, path) for name, path in places), check_lab()]
    return [*checks, *check_protections(facts, config)] if facts.image_id or _without_engine(config) else checks


def _without_engine(config: RunConfig | None) -> bool:
    return config is not None and config.sandbox == "bubblewrap"


def check_protections(facts: EngineFacts, config: RunConfig | None) -> list[Check]:
    """Start one container without a program, and judge each protection by what is seen of it."""
    settings = config or parse_config(_NO_RUN, source="doctor")
    try:
        seen = probe(facts, settings)
    except AssayError as error:
        return [Check(name="protections", state="missing", found=error.what, remedy=error.remedy)]
    wanted = needed(seen, settings.require)
    return [_protection(finding, finding.name in wanted) for finding in judge(seen)]


def probe(facts: EngineFacts, config: RunConfig) -> Seen:
    """Look at a container as a run would start it, but for models.

    Raises:
        AssayError: it cannot be started.
    """
    with (
        tempfile.TemporaryDirectory(prefix="assay-doctor-") as folder,
        _sandbox(facts, config, Path(folder)) as sandbox,
    ):
        return sandbox.look((_PROBE,))


def _sandbox(facts: EngineFacts, config: RunConfig, folder: Path) -> Sandbox:
    if _without_engine(config):
        return BubblewrapSandbox(config, mounts=(), run_id="doctor", work_dir=folder / "work")
    return DockerSandbox(config, image_id=facts.image_id, mounts=(), run_id="doctor", work_dir=folder / "work")


def _protection(finding: Finding, wanted: bool) -> Check:
    return Check(
        name=PROTECTION + finding.name,
        state=finding.state.value,
        found=finding.found,
        remedy=finding.remedy,
        needed=wanted,
    )


def judge_engine(facts: EngineFacts, config: RunConfig | None, *, source: str) -> list[Check]:
    """Judge what an engine that answers says of itself; `source` is the digest its image should carry."""
    return [
        check_runtime(facts, config),
        check_image(facts, config, source=source),
        check_seccomp(facts),
        check_limits(facts),
        check_apparmor(facts),
        check_gpu(facts, config),
    ]


def check_engine(facts: EngineFacts) -> Check:
    """An engine answers, and is new enough."""
    name = "engine"
    if not facts.reachable:
        return Check(name=name, state="missing", found=facts.error, remedy=facts.remedy)
    found = f"version {facts.version}, API {facts.api_version}"
    version = version_of(facts.version)
    if version < OLDEST_ENGINE:
        return Check(name=name, state="missing", found=found, remedy="upgrade it to 20.10 or later")
    if version < RECENT_ENGINE:
        remedy = (
            "published escapes are fixed in later versions: see that your distribution's security updates are "
            'installed, or use a stronger runtime ([container] runtime = "runsc")'
        )
        return Check(name=name, state="warn", found=found, remedy=remedy)
    return Check(name=name, state="ok", found=found)


def check_runtime(facts: EngineFacts, config: RunConfig | None) -> Check:
    """The OCI runtime that the configuration asks for is one of the engine's."""
    wanted = (config.container.runtime if config else "") or facts.default_runtime
    found = f"{wanted} (engine has: {', '.join(facts.runtimes)})"
    if wanted not in facts.runtimes:
        remedy = f"install {wanted} and name it in the engine's daemon.json, or choose another [container] runtime"
        return Check(name="runtime", state="missing", found=found, remedy=remedy)
    return Check(name="runtime", state="ok", found=found)


def check_image(facts: EngineFacts, config: RunConfig | None, *, source: str) -> Check:
    """The sandbox image is there, is the one insisted on, and was built from these sources."""
    name = config.image.name if config else SANDBOX_IMAGE
    insisted = config.image.digest if config else ""
    if not facts.image_id:
        return Check(name="image", state="missing", found=f"no image {name}", remedy="run `make image`")
    if insisted and facts.image_id != insisted:
        return Check(
            name="image",
            state="missing",
            found=f"{name} is {facts.image_id}; the configuration insists on {insisted}",
            remedy="rebuild the recorded image, or change [image] digest",
        )
    if facts.image_source != source:
        found = f"{name} was built from other sources than these"
        return Check(name="image", state="missing", found=found, remedy="run `make image`")
    return Check(name="image", state="ok", found=f"{name} {facts.image_id[:19]}, built from these sources")


def check_seccomp(facts: EngineFacts) -> Check:
    """The engine can filter system calls."""
    if facts.seccomp:
        return Check(name="seccomp", state="ok", found="filters system calls; runs bring their own profile")
    remedy = "use a kernel with CONFIG_SECCOMP_FILTER, and an engine built with seccomp"
    return Check(name="seccomp", state="missing", found="the engine does not support it", remedy=remedy)


def check_limits(facts: EngineFacts) -> Check:
    """The cgroup controllers that bound a program are there."""
    limits = {
        "memory": facts.memory_limit,
        "pids": facts.pids_limit,
        "cpu": facts.cpu_quota,
        "swap": facts.swap_limit,
    }
    absent = [name for name, there in limits.items() if not there]
    found = f"version {facts.cgroup_version}: " + ", ".join(
        f"no {name} limit" if name in absent else name for name in limits
    )
    if not absent:
        return Check(name="cgroups", state="ok", found=found)
    if absent == ["swap"]:
        remedy = "boot with `swapaccount=1`, or switch swap off: programs could swap past their memory limit"
        return Check(name="cgroups", state="warn", found=found, remedy=remedy)
    names = ", ".join(name for name in absent if name != "swap")
    remedy = f"enable the cgroup controllers that are missing ({names}) on the kernel's command line"
    return Check(name="cgroups", state="missing", found=found, remedy=remedy)


def check_apparmor(facts: EngineFacts) -> Check:
    """A second, independent confinement; engines accept the option silently where the kernel has none."""
    if facts.apparmor:
        return Check(name="apparmor", state="ok", found="confines containers")
    remedy = "enable AppArmor in the kernel (`apparmor=1 security=apparmor`) for one more layer"
    return Check(name="apparmor", state="warn", found="not in use on the engine's host", remedy=remedy)


def check_gpu(facts: EngineFacts, config: RunConfig | None) -> Check:
    """Only a configuration with `device = "cuda"` needs one."""
    if facts.gpu_runtime:
        return Check(name="gpu", state="ok", found="the engine can give containers NVIDIA GPUs")
    found = "the engine has neither an nvidia runtime nor a CDI device"
    if config is None or config.device != "cuda":
        return Check(name="gpu", state="ok", found=f'{found}; only device = "cuda" needs one')
    remedy = 'install the NVIDIA container toolkit and restart the engine, or set device = "cpu"'
    return Check(name="gpu", state="missing", found=found, remedy=remedy)


def check_user(facts: EngineFacts) -> Check:
    """Whoever may use a root engine is root in effect: worth knowing, not a fault."""
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    rootless = any(option.startswith("name=rootless") for option in facts.security_options)
    if not facts.reachable:
        return Check(name="user", state="ok", found=who)
    return Check(name="user", state="ok", found=f"{who}; the engine runs {'rootless' if rootless else 'as root'}")


def check_disk(name: str, path: Path) -> Check:
    """Room where things are kept, and leave to write there."""
    name = f"disk: {name}"
    place = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / GIB:.1f} GiB free at {place}"
    if name != "disk: engine" and not os.access(place, os.W_OK):
        setting = "set ASSAY_CACHE" if name == "disk: cache" else "pass --run-dir"
        return Check(
            name=name, state="missing", found=f"{place} cannot be written", remedy=f"{setting} to one that can"
        )
    if free < FREE_WANTED:
        remedy = f"free some: {FREE_WANTED / GIB:.0f} GiB are enough for images, the lab and a few runs"
        return Check(name=name, state="missing" if free < FREE_NEEDED else "warn", found=found, remedy=remedy)
    return Check(name=name, state="ok", found=found)


def check_lab() -> Check:
    """The lab's models are made; a run makes them where they are not, so this is never more than a hint."""
    root = cache_dir() / "lab" / RECIPE.digest
    if (root / FACTS).is_file():
        return Check(name="lab", state="ok", found=str(root))
    return Check(name="lab", state="warn", found=f"not made yet at {root}", remedy="run `make lab` (a few minutes)")


def version_of(text: str) -> tuple[int, ...]:
    """Return major and minor of "20.10.24+dfsg1"; zeros where there is no number."""
    numbers = re.findall(r"\d+", text)
    return tuple(int(number) for number in (*numbers[:2], "0", "0")[:2])
