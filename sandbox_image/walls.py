"""The second wall, inside the container: put up after torch is imported and before a program is loaded.

Two parts. *Landlock*: this process may read the standard library, the packages and the models, and nothing
else; it may write, run or create nothing, and signal nobody outside. *A second system call filter*
(`policies/seccomp_inner.json`): no exec, no new process, no socket, no open for writing, no signal to others,
no timer, no limit changed. Results leave through descriptors that are open already. Neither can be taken down.

The outer wall is the host's (engine or bubblewrap) and does not rest on this one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from policies.filters import compile_profile, read_profile, system_calls

WANTED = "ASSAY_WALLS"  # "0" leaves this wall out, to test the outer one alone
_PROFILE = "seccomp_inner.json"
_LIBRARIES = ("/usr/lib", "/usr/local/lib", "/lib", "/lib64", "/usr/lib64", "/opt/assay")
_INPUTS = "/inputs"
_DRIVER_READABLE = ("/proc", "/sys", "/etc", "/usr/share", "/dev")
_DRIVER_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38  # linux/prctl.h
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1  # linux/seccomp.h
_LANDLOCK_VERSION, _LANDLOCK_PATH_BENEATH = 1, 1  # linux/landlock.h
_SIGEV_SIGNAL, _CLOCK_MONOTONIC = 0, 1
_SIGEVENT_BYTES = 64

_WRITE_FILE, _READ_FILE, _READ_DIR = 2, 4, 8
_IOCTL_DEV = 1 << 15
_FILE_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 5: 1 << 16}  # ABI -> first right that it does not know
_BIND_AND_CONNECT, _NETWORK_SINCE = 3, 4
_ABSTRACT_SOCKETS_AND_SIGNALS, _SCOPES_SINCE = 3, 6

_libc = ctypes.CDLL(None, use_errno=True)


class WallError(RuntimeError):
    """A part of the wall that cannot be put up. Nothing may be run then."""


def wanted() -> bool:
    """Whether the host asks for the wall. Anything but an explicit "0" does."""
    return os.environ.get(WANTED) != "0"


def put_up() -> str:
    """Put up both parts, in a process of one thread; return what stands, for the host's record.

    Raises:
        WallError: a part of it cannot be put up.
    """
    return ",".join(filter(None, (landlock(), second_filter(compiled()))))


def landlock(device: str = "cpu") -> str:
    """Bind this process, while it has one thread, to reading what programs need; return `landlock-<ABI>`.

    Empty where the kernel has no Landlock: the host decides whether it will do without.

    Raises:
        WallError: the kernel has it and refuses, or there are other threads, which it would not bind.
    """
    version = _landlock_version()
    if version < 1:
        return ""
    if len(os.listdir("/proc/self/task")) != 1:
        raise WallError("Landlock: expected one thread, found more, which it would not bind")
    ruleset = _call("landlock_create_ruleset", *_ruleset(version))
    try:
        for path in _readable(device):
            _permit(ruleset, path, _READ_FILE | _READ_DIR)
        for path in _devices(device):
            _permit(ruleset, path, _READ_FILE | _WRITE_FILE | (_IOCTL_DEV if version >= 5 else 0))
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return f"landlock-{version}"


def compiled(device: str = "cpu") -> bytes:
    """Return the second filter for this process, until it is sealed."""
    profile = read_profile(_PROFILE)
    rules = [*profile["syscalls"], *profile["untilSealed"], *(profile["cuda"] if device == "cuda" else ())]
    return compile_profile({**profile, "syscalls": rules}, pid=os.getpid())


def second_filter(program: bytes) -> str:
    """Install a filter for all threads; return its name, `inner-seccomp`.

    Raises:
        WallError: the kernel refuses.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _install(program, _SECCOMP_FILTER_FLAG_TSYNC)
    return "inner-seccomp"


def seal(seconds: float) -> None:
    """End this process after so many seconds, whatever it does and whoever has died; then end all of this.

    SIGKILL by a timer of the kernel's that can no longer be changed, and no further filter.

    Raises:
        WallError: the kernel refuses.
    """
    timer = ctypes.c_int()
    event = ctypes.create_string_buffer(struct.pack("=QiiI", 0, signal.SIGKILL, _SIGEV_SIGNAL, 0), _SIGEVENT_BYTES)
    _call("timer_create", _CLOCK_MONOTONIC, event, ctypes.byref(timer))
    whole = int(seconds)
    value = struct.pack("=4q", 0, 0, whole, max(1, int((seconds - whole) * 1e9)))
    _call("timer_settime", timer, 0, value, None)
    if wanted():
        names = [name for rule in read_profile(_PROFILE)["untilSealed"] for name in rule["names"]]
        _install(compile_profile(_all_but(names)), _SECCOMP_FILTER_FLAG_TSYNC)


def hide() -> None:
    """Keep other processes of this user out of this one: no reading of its memory, no tracing."""
    _prctl(_PR_SET_DUMPABLE, 0)


def _all_but(names: Sequence[str]) -> dict[str, object]:
    refused = {"action": "SCMP_ACT_ERRNO", "errnoRet": 1, "names": list(names)}
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}


def _install(program: bytes, flags: int) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    _call("seccomp", _SECCOMP_SET_MODE_FILTER, flags, fprog)


def _ruleset(version: int) -> tuple[bytes, ctypes.c_size_t, int]:
    """Return the arguments that make a ruleset which handles everything that this version knows."""
    first_unknown = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]
    attributes = struct.pack("=Q", first_unknown - 1)
    if version >= _NETWORK_SINCE:
        attributes += struct.pack("=Q", _BIND_AND_CONNECT)
    if version >= _SCOPES_SINCE:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    return attributes, ctypes.c_size_t(len(attributes)), 0


def _readable(device: str) -> list[str]:
    packages = [entry for entry in sys.path if entry.startswith("/")]
    wanted = [*_LIBRARIES, *packages, _INPUTS, *(_DRIVER_READABLE if device == "cuda" else ())]
    return sorted({os.path.realpath(path) for path in wanted if os.path.isdir(path)})


def _devices(device: str) -> list[str]:
    if device != "cuda":
        return []
    numbered = [str(path) for path in Path("/dev").glob("nvidia[0-9]*")]
    return [path for path in (*_DRIVER_DEVICES, *numbered) if os.path.exists(path)]


def _permit(ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        beneath = struct.pack("=Qi", rights, fd)
        _call("landlock_add_rule", ruleset, _LANDLOCK_PATH_BENEATH, beneath, 0)
    finally:
        os.close(fd)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise WallError(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _landlock_version() -> int:
    try:
        return _call("landlock_create_ruleset", None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    except WallError:
        if ctypes.get_errno() not in (errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        return 0


def _call(name: str, *arguments: object) -> int:
    number = system_calls(os.uname().machine)[name]
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        raise WallError(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result
