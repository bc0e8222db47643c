"""What kernel and engine show of each protection of a container, one function per kind of evidence. Pure.

Each returns a verdict: whether the protection holds as far as this witness can tell (None: it cannot), and what
was found, for people. What follows from several verdicts is `protections.py`'s question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.kernel import Kernel, Mount
from sandbox_image.protocol import OUTPUT_PATH

FIRST_OWN_UID = 100_000  # below are accounts; above, what nobody but containers uses
_ROUNDING = 1.02  # kernels count memory in pages, and CPU quotas in whole microseconds
_PLATFORM_VARIABLES = frozenset({"HOSTNAME", "PWD"})  # engine and bubblewrap add one each; both tell nothing
_HARMLESS_DEVICES = frozenset(f"/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "console"))
_VIRTUAL = frozenset(
    {"proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", "securityfs"}
)
DEFAULT_PROFILE = "docker-default"  # of AppArmor; engines load it themselves
_WORST_OOM_SCORE = 1000
_TMP = "/tmp"  # noqa: S108  (the container's)
_FILTERING = 2  # "Seccomp:" of a process with a filter, in proc(5)

Verdict = tuple[bool | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The bounds and identities that a container was to have."""

    image_id: str
    seccomp_sha256: str
    apparmor: str  # a profile; empty where none is asked for
    runtime: str
    device: str
    own_uid: bool
    memory_bytes: int
    pids: int
    cpus: float
    nofile: int
    file_bytes: int
    tmpfs_bytes: int
    tmpfs_inodes: int
    environment: frozenset[str]  # names
    masked: tuple[str, ...]
    read_only: tuple[str, ...]


OfKernel = Callable[[Kernel, Asked], Verdict]
OfEngine = Callable[[Mapping[str, Any], Asked], Verdict]

# -- what the kernel shows ---------------------------------------------------------------------------


def namespace(kind: str) -> OfKernel:
    def look(kernel: Kernel, _: Asked) -> Verdict:
        private = kernel.private(kind)
        return private, f"{kind} namespace is {'its own' if private else 'ours'}"

    return look


def network(kernel: Kernel, _: Asked) -> Verdict:
    private, names = kernel.private("net"), set(kernel.interfaces)
    if private is None or not names:
        return None, ""
    own = "its own" if private else "our"
    return private and names == {"lo"}, f"interfaces {', '.join(sorted(names))} in {own} network namespace"


def capabilities(kernel: Kernel, _: Asked) -> Verdict:
    mask = kernel.capabilities
    return (None, "") if mask is None else (mask == 0, f"capabilities {mask:x}")


def new_privileges(kernel: Kernel, _: Asked) -> Verdict:
    value = kernel.number("NoNewPrivs")
    return None if value is None else value == 1, f"NoNewPrivs {value}"


def outer_filter(kernel: Kernel, _: Asked) -> Verdict:
    """Whether the first process is filtered: it puts up none of its own, unlike the one that runs programs."""
    mode, count = kernel.number_of_init("Seccomp"), kernel.number_of_init("Seccomp_filters")
    if mode is None:
        return None, ""
    return mode == _FILTERING and (count is None or count >= 1), f"its first process: mode {mode}, {count} filters"


def second_filter(kernel: Kernel, _: Asked) -> Verdict:
    """Whether the process that runs programs is under one filter more than the container's first."""
    first, count = kernel.number_of_init("Seccomp_filters"), kernel.number("Seccomp_filters")
    if first is None or count is None:  # kernels before 5.9 do not count
        return None, ""
    return count > first, f"{count} filters, {first} of them the container's"


def mounted_read_only(point: str, says: str) -> OfKernel:
    def look(kernel: Kernel, _: Asked) -> Verdict:
        if not kernel.mounts:
            return None, ""
        mount = kernel.mount(point)
        return mount is not None and mount.read_only, f"{says} is {'read-only' if mount and mount.read_only else 'not'}"

    return look


def writable_disk(kernel: Kernel, _: Asked) -> Verdict:
    """Whether the only writable mount of a real file system is the output file."""
    if not kernel.mounts:
        return None, ""
    writable = sorted(mount.point for mount in kernel.mounts if mount.kind not in _VIRTUAL and "rw" in mount.options)
    return set(writable) <= {OUTPUT_PATH}, f"writable: {', '.join(writable) or 'nothing'}"


def shm(kernel: Kernel, _: Asked) -> Verdict:
    if not kernel.mounts:
        return None, ""
    there = kernel.mount("/dev/shm") is not None  # noqa: S108  (the container's)
    return not there, f"{'a' if there else 'no'} mount at /dev/shm"


def unprivileged(kernel: Kernel, _: Asked) -> Verdict:
    uids = (kernel.status.get("Uid") or "").split()
    if not uids:
        return None, ""
    groups = {*(kernel.status.get("Gid") or "").split(), *(kernel.status.get("Groups") or "").split()}
    return "0" not in {*uids, *groups} and len(set(uids)) == 1, f"uid {uids[0]}, groups {' '.join(sorted(groups))}"


def own_uid(kernel: Kernel, asked: Asked) -> Verdict:
    value = kernel.number("Uid")
    remapped = bool(kernel.private("user"))
    return None if value is None else asked.own_uid and (value >= FIRST_OWN_UID or remapped), f"uid {value}"


def bound(read: Callable[[Kernel], float | None], asked: Callable[[Asked], float]) -> OfKernel:
    def look(kernel: Kernel, wanted: Asked) -> Verdict:
        if not kernel.cgroup.version:
            return None, ""
        value, most = read(kernel), asked(wanted)
        return value is not None and value <= most * _ROUNDING, f"{_plain(value)} of at most {_plain(most)}"

    return look


def rlimit(name: str, asked: Callable[[Asked], int]) -> OfKernel:
    def look(kernel: Kernel, wanted: Asked) -> Verdict:
        value = kernel.limits.get(name)
        most = asked(wanted)
        return None if value is None else value.isdigit() and int(value) <= most, f"{value} of at most {most}"

    return look


def cpu_seconds(kernel: Kernel, _: Asked) -> Verdict:
    value = kernel.limits.get("Max cpu time")
    return None if value is None else value.isdigit(), f"{value} s"


def tmpfs(key: str, asked: Callable[[Asked], int]) -> OfKernel:
    def look(kernel: Kernel, wanted: Asked) -> Verdict:
        if not kernel.mounts:
            return None, ""
        value = _setting_of(kernel.mount("/tmp"), key)  # noqa: S108  (the container's)
        return value is not None and value <= asked(wanted), f"{key} {value} of at most {asked(wanted)}"

    return look


def tmpfs_exec(kernel: Kernel, _: Asked) -> Verdict:
    mount = kernel.mount(_TMP)
    options = mount.options if mount else frozenset()
    there = sorted(options & {"noexec", "nosuid", "nodev"})
    return None if not kernel.mounts else len(there) == 3, f"mounted {', '.join(there) or 'without any of them'}"


def environment(kernel: Kernel, asked: Asked) -> Verdict:
    if kernel.environment is None:
        return None, ""
    more = sorted(kernel.environment.keys() - asked.environment - _PLATFORM_VARIABLES)
    return not more, f"{len(kernel.environment)} variables{', unasked: ' + ', '.join(more) if more else ''}"


def masks(kernel: Kernel, asked: Asked) -> Verdict:
    """Whether each path that this host has is covered (by an empty read-only mount or by the null device)."""
    if not kernel.mounts:
        return None, ""
    bare = [path for path in asked.masked if _there(kernel, path) and not _covered(kernel.mount(path))]
    open_ = [path for path in asked.read_only if _there(kernel, path) and not _read_only(kernel.mount(path))]
    return not bare and not open_, f"uncovered: {', '.join((*bare, *open_)) or 'nothing'}"


def devices_mounted(kernel: Kernel, asked: Asked) -> Verdict:
    """Whether no device file of the host is mounted but those that hold nothing."""
    if not kernel.mounts:
        return None, ""
    roots = {mount.root for mount in kernel.mounts if mount.kind == "devtmpfs"} - _HARMLESS_DEVICES
    more = sorted(root for root in roots if asked.device != "cuda" or not root.startswith("/nvidia"))
    return not more, f"mounted from the host: {', '.join(more) or 'none'}"


def oom_score(kernel: Kernel, _: Asked) -> Verdict:
    value = kernel.oom_score_adj
    return None if value is None else value >= _WORST_OOM_SCORE, f"oom_score_adj {value}"


def confined(kernel: Kernel, asked: Asked) -> Verdict:
    profile = kernel.confinement.removesuffix(" (enforce)")
    wanted = asked.apparmor or DEFAULT_PROFILE
    return profile == wanted and kernel.confinement.endswith("(enforce)"), kernel.confinement or "unconfined"


def user_namespace(kernel: Kernel, _: Asked) -> Verdict:
    private = kernel.private("user")
    identity = kernel.uid_map.startswith("0 0 ")
    return None if private is None else private and not identity, f"uid map {kernel.uid_map or 'unknown'}"


# -- what the engine tells ---------------------------------------------------------------------------


def setting(key: str, *wanted: object) -> OfEngine:
    def look(settings: Mapping[str, Any], _: Asked) -> Verdict:
        value = settings.get(key)
        return value in wanted, f"{key} {value if value is not None else 'unset'}"

    return look


def at_most(key: str, asked: Callable[[Asked], float]) -> OfEngine:
    def look(settings: Mapping[str, Any], wanted: Asked) -> Verdict:
        value = settings.get(key)
        return isinstance(value, int) and 0 < value <= asked(wanted), f"{key} {value or 'unset'}"

    return look


def ulimit(name: str) -> OfEngine:
    def look(settings: Mapping[str, Any], _: Asked) -> Verdict:
        entries = settings.get("Ulimits") or ()
        known = next((entry for entry in entries if entry.get("Name") == name), None)
        return known is not None, f"limit {name} {known.get('Hard', 0) if known else 'unset'}"

    return look


def option(wanted: Callable[[Asked], str]) -> OfEngine:
    def look(settings: Mapping[str, Any], asked: Asked) -> Verdict:
        options, text = settings.get("SecurityOpt") or (), wanted(asked)
        return text in options, f"{text[:40]}{'' if text in options else ' is not among its security options'}"

    return look


def capabilities_asked(settings: Mapping[str, Any], _: Asked) -> Verdict:
    dropped, added = settings.get("CapDrop") or (), settings.get("CapAdd") or ()
    privileged = bool(settings.get("Privileged"))
    text = f"drops {', '.join(dropped) or 'none'}, adds {', '.join(added) or 'none'}"
    return "ALL" in dropped and not added and not privileged, f"{text}{', privileged' if privileged else ''}"


def tmpfs_asked(word: str) -> OfEngine:
    def look(settings: Mapping[str, Any], _: Asked) -> Verdict:
        options = (settings.get("Tmpfs") or {}).get(_TMP, "")
        return word in options, f"{_TMP}: {options or 'unset'}"

    return look


def user(settings: Mapping[str, Any], _: Asked) -> Verdict:
    """Read `uid:gid`, in numbers."""
    ids = str(settings.get("User", "")).split(":")
    return all(part.isdigit() and int(part) > 0 for part in ids), f"user {':'.join(ids) or 'unset'}"


def user_of_its_own(settings: Mapping[str, Any], asked: Asked) -> Verdict:
    uid = str(settings.get("User", "")).partition(":")[0]
    return asked.own_uid and uid.isdigit() and int(uid) > 0, f"user {uid or 'unset'}"


def writable_mounts(settings: Mapping[str, Any], _: Asked) -> Verdict:
    mounts = settings.get("Mounts") or ()
    writable = sorted(str(mount.get("Target")) for mount in mounts if not mount.get("ReadOnly"))
    return set(writable) <= {OUTPUT_PATH} and not settings.get("Binds"), f"writable: {', '.join(writable) or 'nothing'}"


def paths_covered(settings: Mapping[str, Any], asked: Asked) -> Verdict:
    pairs = ((asked.masked, settings.get("MaskedPaths")), (asked.read_only, settings.get("ReadonlyPaths")))
    bare = sorted(path for wanted, found in pairs for path in set(wanted) - set(found or ()))
    return not bare, f"uncovered: {', '.join(bare) or 'nothing'}"


def as_any_container(settings: Mapping[str, Any], _: Asked) -> Verdict:
    """What engines give without being asked, and have no setting to leave out."""
    return bool(settings), "every container has one"


def no_log(settings: Mapping[str, Any], _: Asked) -> Verdict:
    kind = (settings.get("LogConfig") or {}).get("Type", "unset")
    return kind == "none", f"log driver {kind}"


def image(settings: Mapping[str, Any], asked: Asked) -> Verdict:
    found = str(settings.get("Image", "unset"))
    return found == asked.image_id and found.startswith("sha256:"), found[:19]


def devices(settings: Mapping[str, Any], asked: Asked) -> Verdict:
    count = sum(len(settings.get(key) or ()) for key in ("Devices", "DeviceCgroupRules"))
    requests = len(settings.get("DeviceRequests") or ())
    return count == 0 and requests == (asked.device == "cuda"), f"{count} devices, {requests} requests"


def environment_asked(settings: Mapping[str, Any], asked: Asked) -> Verdict:
    more = sorted(set(settings.get("EnvNames") or ()) - asked.environment)
    return not more, f"unasked: {', '.join(more) or 'none'}"


def cdi(settings: Mapping[str, Any], _: Asked) -> Verdict:
    drivers = [str(request.get("Driver")) for request in settings.get("DeviceRequests") or ()]
    return drivers == ["cdi"], f"device requests: {', '.join(drivers) or 'none'}"


def own_kernel(settings: Mapping[str, Any], _: Asked) -> Verdict:
    runtime = str(settings.get("Runtime", ""))
    return runtime.startswith("runsc"), f"runtime {runtime or 'unset'}"


# -- small things -------------------------------------------------------------------------------------


def _setting_of(mount: Mount | None, key: str) -> int | None:
    """Return a number of a tmpfs: `size=16384k` in bytes, `nr_inodes=1024`."""
    text = (
        next((entry.partition("=")[2] for entry in mount.settings if entry.startswith(f"{key}=")), "") if mount else ""
    )
    scale = {"k": 1024, "m": 1024**2, "g": 1024**3}.get(text[-1:], 1)
    digits = text.rstrip("kmg")
    return int(digits) * scale if digits.isdigit() else None


def _there(kernel: Kernel, path: str) -> bool:
    """Whether the container has a path of the kernel's that this host has: by itself, or in /proc, /sys or /dev.

    One of those that is an empty file system of the container's own has nothing but what is mounted into it.
    """
    above = kernel.mount("/" + path.split("/")[1])
    in_kernels = above is not None and above.kind != "tmpfs"
    return path in kernel.host_paths and (in_kernels or kernel.mount(path) is not None)


def _covered(mount: Mount | None) -> bool:
    return mount is not None and (mount.root == "/null" or (mount.kind == "tmpfs" and mount.read_only))


def _read_only(mount: Mount | None) -> bool:
    return mount is not None and mount.read_only


def _plain(value: float | None) -> str:
    return "no bound" if value is None else f"{value:g}" if value < 1000 else f"{value:.0f}"
