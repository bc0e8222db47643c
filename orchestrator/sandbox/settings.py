"""What is asked of the engine for one container, as the engine's own JSON; and what must come back of it.

Pure: knows the run's configuration and the facts of the engine, talks to neither. After create, the
effective settings are compared with these, field by field, and any difference refuses the start.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.witness import DEFAULT_PROFILE, Asked
from sandbox_image.protocol import OUTPUT_PATH

MIB = 1024 * 1024
STACK_BYTES = 8 * MIB
TMPFS_INODES = 1024
LEAST_FILE_BYTES = 4096  # importing torch tries whether /tmp can be written
CPU_SPARE_SECONDS = 30  # beyond the deadline: ends what an orchestrator that died can no longer end
HOSTNAME = "sandbox"
OOM_SCORE = 1000  # under memory pressure the host kills programs first
SHM_BYTES = 64 * MIB  # the engine's default; unused, because `ipc none` mounts no /dev/shm

# The image's own variables are repeated here: anything effective beyond this list is a difference.
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH": "/opt/assay:/opt/assay/site",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore:Failed to initialize NumPy:UserWarning",
    "PYTHONSAFEPATH": "1",
    "PYTHONHASHSEED": "0",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108  (the container's own)
    "TZ": "UTC",
    # Numeric knobs: the same program gives the same bits on machines of one class.
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "MKL_NUM_THREADS": "1",
    "MKL_CBWR": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
_CUDA_ENVIRONMENT: Mapping[str, str] = {
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

MASKED_PATHS = (
    "/dev/mqueue",  # a kernel object per file, and
    "/dev/pts",  # terminals, of which the host has a fixed number: no program has a use for either
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# Never asked for, so it must come back empty.
_EMPTY = (
    "Binds",
    "CapAdd",
    "CgroupParent",
    "DeviceCgroupRules",
    "Devices",
    "Dns",
    "ExtraHosts",
    "GroupAdd",
    "Links",
    "PidMode",
    "PortBindings",
    "Privileged",
    "PublishAllPorts",
    "StorageOpt",
    "Sysctls",
    "UTSMode",
    "UsernsMode",
    "VolumesFrom",
)

# Their keys are paths, ports or settings.
_NAMED = frozenset({"PortBindings", "StorageOpt", "Sysctls", "Tmpfs", "Volumes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One container as it is wanted."""

    module: str  # of sandbox_image: runner, or cell
    image_id: str
    uid: int
    inputs: Sequence[tuple[Path, str]]  # (host file, path in the container), read-only
    output: Path | None
    file_bytes: int  # RLIMIT_FSIZE
    walls: bool  # whether the contained process puts up its own, before it loads a program
    labels: Mapping[str, str]


def seccomp_profile() -> str:
    """Return the profile's JSON text, as the engine is given it."""
    text = resources.files("policies").joinpath("seccomp.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


def seccomp_digest() -> str:
    """Return the sha256 (hex) of that text."""
    return hashlib.sha256(seccomp_profile().encode()).hexdigest()


def runtime_of(config: RunConfig, facts: EngineFacts) -> str:
    """Return the OCI runtime: the configured one, nvidia for cuda, else the engine's default."""
    wanted = config.container.runtime or ("nvidia" if config.device == "cuda" and "nvidia" in facts.runtimes else "")
    return wanted or facts.default_runtime or "runc"


def require_engine(config: RunConfig, facts: EngineFacts) -> None:
    """Refuse an engine that cannot enforce what is about to be asked of it.

    Raises:
        PreflightError: the missing protection, runtime or device, and the remedy.
    """
    lacking = {
        "memory limits": not facts.memory_limit,
        "swap limits": not facts.swap_limit,
        "process limits": not facts.pids_limit,
        "CPU quotas": not facts.cpu_quota,
        "system call filters (seccomp)": not facts.seccomp,
    }
    if missing := [name for name, lacks in lacking.items() if lacks]:
        raise PreflightError(
            f"the container engine cannot enforce {', '.join(missing)}",
            remedy="use a kernel with these cgroup controllers and seccomp (boot option `swapaccount=1`)",
        )
    runtime = runtime_of(config, facts)
    if facts.runtimes and runtime not in facts.runtimes:
        raise PreflightError(
            f"[container] runtime = {runtime!r}: the engine has {', '.join(facts.runtimes)}",
            remedy="install it and name it in the engine's configuration, or choose one of these",
        )
    if config.container.apparmor and not facts.apparmor:
        raise PreflightError(
            f"[container] apparmor = {config.container.apparmor!r}: the engine's host has no AppArmor in use",
            remedy="enable it in the kernel (`apparmor=1 security=apparmor`), or take the key out",
        )
    if config.device == "cuda" and not facts.gpu_runtime:
        raise PreflightError(
            'device = "cuda": the engine offers no nvidia runtime and no CDI device',
            remedy='install the NVIDIA container toolkit and restart the engine, or set device = "cpu"',
        )


def lifetime_seconds(config: RunConfig, module: str) -> float:
    """Return how long a container can be at work at most; what it waits for work is not bounded."""
    if module == "cell":
        return config.screen.programs_per_cell * config.screen.timeout_seconds
    return config.container.timeout_seconds


def environment(config: RunConfig, *, walls: bool = True) -> dict[str, str]:
    """Return the container's whole environment. No value is taken from the host's."""
    cuda = _CUDA_ENVIRONMENT if config.device == "cuda" else {}
    own = {"ASSAY_CONTAINED": "1", "ASSAY_DEVICE": config.device, "ASSAY_WALLS": "1" if walls else "0"}
    return {**ENVIRONMENT, **cuda, **own}


def container_request(order: Order, config: RunConfig, facts: EngineFacts) -> dict[str, Any]:
    """Return the body of the engine's create request."""
    return {
        "Image": order.image_id,
        "Entrypoint": ["python3", "-B", "-m"],
        "Cmd": [f"sandbox_image.{order.module}"],
        "User": f"{order.uid}:{order.uid}",
        "Env": [f"{name}={value}" for name, value in sorted(environment(config, walls=order.walls).items())],
        "WorkingDir": "/",
        "Hostname": HOSTNAME,
        "Labels": dict(order.labels),
        "NetworkDisabled": True,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "HostConfig": _host_config(order, config, facts),
    }


def _host_config(order: Order, config: RunConfig, facts: EngineFacts) -> dict[str, Any]:
    limits = config.container
    return {
        "NetworkMode": "none",
        "IpcMode": "none",
        "CgroupnsMode": "private",
        "CapDrop": ["ALL"],
        "SecurityOpt": _security(limits.apparmor, facts),
        "ReadonlyRootfs": True,
        "MaskedPaths": list(MASKED_PATHS),
        "ReadonlyPaths": list(READONLY_PATHS),
        "Init": True,
        "Memory": limits.memory_mb * MIB,
        "MemorySwap": limits.memory_mb * MIB,
        "PidsLimit": limits.pids,
        "NanoCpus": round(limits.cpus * 1_000_000_000),
        "OomScoreAdj": OOM_SCORE,
        "OomKillDisable": False,
        "ShmSize": SHM_BYTES,
        "Ulimits": [_ulimit(name, value) for name, value in ulimits(order, config).items()],
        "Tmpfs": {
            "/tmp": f"rw,noexec,nosuid,nodev,size={limits.tmpfs_mb}m,nr_inodes={TMPFS_INODES},mode=1777"  # noqa: S108
        },
        "Mounts": _mounts(order),
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "LogConfig": {"Type": "none", "Config": {}},
        "Runtime": runtime_of(config, facts),
        "AutoRemove": False,
        "DeviceRequests": _device_requests(config, facts),
        **dict.fromkeys(_EMPTY),
    }


def _security(profile: str, facts: EngineFacts) -> list[str]:
    options = ["no-new-privileges:true", f"seccomp={seccomp_profile()}"]
    # An engine without AppArmor takes the option and ignores it: ask only where it means something.
    return [*options, f"apparmor={profile or DEFAULT_PROFILE}"] if facts.apparmor else options


def ulimits(order: Order, config: RunConfig) -> dict[str, int]:
    """Return the limits of every process of a container, by the engine's names for them."""
    limits = config.container
    seconds = (limits.startup_seconds + lifetime_seconds(config, order.module)) * max(1.0, limits.cpus)
    return {
        "core": 0,
        "cpu": math.ceil(seconds) + CPU_SPARE_SECONDS,
        "fsize": max(order.file_bytes, LEAST_FILE_BYTES),
        "nofile": limits.nofile,
        "stack": STACK_BYTES,
    }


def _ulimit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}


def _mounts(order: Order) -> list[dict[str, Any]]:
    wanted = [(host, inside, True) for host, inside in order.inputs]
    if order.output is not None:
        wanted.append((order.output, OUTPUT_PATH, False))
    return [
        {
            "Type": "bind",
            "Source": str(host.absolute()),
            "Target": inside,
            "ReadOnly": read_only,
            "BindOptions": {"Propagation": "rprivate"},
        }
        for host, inside, read_only in wanted
    ]


def _device_requests(config: RunConfig, facts: EngineFacts) -> list[dict[str, Any]]:
    if config.device != "cuda":
        return []
    if "nvidia" not in facts.runtimes:  # CDI, which hands over no driver library that is not named
        return [{"Driver": "cdi", "DeviceIDs": [f"nvidia.com/gpu={config.container.gpu}"]}]
    return [{"Driver": "nvidia", "DeviceIDs": [config.container.gpu], "Capabilities": [["gpu", "compute", "utility"]]}]


def asked_of(config: RunConfig, *, image_id: str, runtime: str, file_bytes: int, own_uid: bool) -> Asked:
    """Return the bounds and identities of a container for one program, for judging its protections."""
    limits = config.container
    return Asked(
        image_id=image_id,
        seccomp_sha256=seccomp_digest(),
        apparmor=limits.apparmor,
        runtime=runtime,
        device=config.device,
        own_uid=own_uid,
        memory_bytes=limits.memory_mb * MIB,
        pids=limits.pids,
        cpus=limits.cpus,
        nofile=limits.nofile,
        file_bytes=max(file_bytes, LEAST_FILE_BYTES),
        tmpfs_bytes=limits.tmpfs_mb * MIB,
        tmpfs_inodes=TMPFS_INODES,
        environment=frozenset(environment(config)),
        masked=MASKED_PATHS,
        read_only=READONLY_PATHS,
    )


def differences(asked: Mapping[str, Any], inspected: Mapping[str, Any]) -> list[str]:
    """Name every field in which a created container differs from its request; empty is what we want.

    The engine writes absent values as null, zero, false or empty; these count as equal.
    """
    host_asked, host_found = asked["HostConfig"], inspected.get("HostConfig") or {}
    config_found = inspected.get("Config") or {}
    pairs = [(f"HostConfig.{key}", host_asked[key], host_found.get(key)) for key in host_asked]
    own = [key for key in asked if key not in ("HostConfig", "Labels", "NetworkDisabled", "Image")]
    pairs += [(f"Config.{key}", asked[key], config_found.get(key)) for key in own]
    pairs += [("Image", asked["Image"], inspected.get("Image")), ("Config.Volumes", None, config_found.get("Volumes"))]
    return [
        f"{name}: asked {_show(wanted)}, effective {_show(found)}"
        for name, wanted, found in pairs
        if _comparable(name, wanted) != _comparable(name, found)
    ]


def recorded(inspected: Mapping[str, Any]) -> dict[str, Any]:
    """Return the effective settings for the record: set fields only, the seccomp text as its digest, no floats."""
    effective = _plain(inspected.get("HostConfig")) or {}
    options = (inspected.get("HostConfig") or {}).get("SecurityOpt") or []
    effective["SecurityOpt"] = [_digested(option) for option in options]
    config = inspected.get("Config") or {}
    effective["Image"] = inspected.get("Image", "")
    effective["User"] = config.get("User", "")
    effective["EnvNames"] = sorted(str(entry).partition("=")[0] for entry in config.get("Env") or [])
    return effective


def _digested(option: str) -> str:
    name, _, text = option.partition("=")
    return f"seccomp=sha256:{hashlib.sha256(text.encode()).hexdigest()}" if name == "seccomp" else option


def _comparable(name: str, value: Any) -> Any:
    """Return what decides whether two values are the same; where keys are names, a key counts without a value."""
    if name.rpartition(".")[2] in _NAMED and isinstance(value, Mapping):
        return _plain([[key, _plain(inner) or "-"] for key, inner in value.items()])
    return _plain(value)


def _plain(value: Any) -> Any:
    """Drop what means nothing and sort what has no order, so that two spellings of one thing are equal."""
    if isinstance(value, Mapping):
        kept = {key: _plain(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner is not None} or None
    if isinstance(value, list | tuple):
        return sorted((_plain(inner) for inner in value), key=lambda item: json.dumps(item, sort_keys=True)) or None
    return value if value not in (0, False, "", None) else None


def _show(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 120 else f"{text[:117]}..."
