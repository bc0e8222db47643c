"""Runs as a small process of its own, to become bubblewrap: joins cgroups, stages what is bound, gives up its user.

    python -I -S launch.py SPEC        (SPEC: JSON, see `Spec` in `settings.py`)

Bubblewrap runs as the container's user, who may not walk the host's private folders. So everything that it is
to bind is bound before, in a mount namespace of this process's own, into one folder that anyone may walk. As
root this needs nothing else; an ordinary user first makes a user namespace. Standard library only, and no
import of ours: it is started by path. Any error ends it with a sentence on stderr; the container never starts.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import stat
import sys
from typing import Any

STAGE = "/tmp"  # noqa: S108  (covered, in this process's mount namespace alone)
TMP_STAGE = f"{STAGE}/tmp"  # noqa: S108
_NEWNS, _NEWUSER = 0x00020000, 0x10000000  # linux/sched.h
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 0x1, 0x2, 0x4, 0x8  # linux/mount.h
_REMOUNT, _BIND, _REC, _PRIVATE, _RELATIME = 0x20, 0x1000, 0x4000, 0x40000, 0x200000
_NOATIME, _NODIRATIME = 0x400, 0x800
_STATVFS_RELATIME = 0x1000
_PR_SET_PDEATHSIG = 1
_HIGH_FD, _MAX_FD = 16, 4096  # this process opens no more than a few dozen
_OOM_SCORE = "1000"  # under memory pressure the host kills programs first
EXIT_FAILED = 97
NOBODY = 65534  # the user of a trial by root

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do what the module says, in that order, and become bubblewrap; or bound a container that runs."""
    spec = json.loads(sys.argv[1])
    if "bound" in spec:
        _bound(spec)
        return
    _die_with(spec["parent"])
    for path in spec["cgroups"]:
        _write(path, "0")
    _write("/proc/self/oom_score_adj", _OOM_SCORE)
    _enter_mount_namespace(spec["uid"])
    _stage(spec["binds"], spec["tmpfs"])
    if os.geteuid() == 0:
        _become(spec["uid"])
        _die_with(spec["parent"])  # a change of user forgets it
    _arrange(spec["descriptors"])
    for name, value in spec["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    os.execv(spec["command"][0], spec["command"])  # noqa: S606  (no shell is the point)


def _bound(spec: dict[str, Any]) -> None:
    """Set limits of the process `bound`, as its own user: root needs a capability for that which it may not have."""
    if os.geteuid() == 0:
        _become(spec["uid"])
    for name, value in spec["rlimits"].items():
        resource.prlimit(spec["bound"], getattr(resource, name), (value, value))


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _arrange(descriptors: dict[str, int]) -> None:
    """Give each descriptor the number that bubblewrap is told, and close all others."""
    held = {wanted: fcntl.fcntl(int(given), fcntl.F_DUPFD, _HIGH_FD) for given, wanted in descriptors.items()}
    for wanted, fd in held.items():
        os.dup2(fd, wanted)
    os.closerange(max(held) + 1, _MAX_FD)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the one that started it dies; it may have, already."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        raise OSError(f"process {parent}, which started this, is gone")


def _enter_mount_namespace(uid: int) -> None:
    """As an ordinary user, by way of a user namespace in which this user is the container's."""
    own_uid, own_gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(_NEWNS if own_uid == 0 else _NEWNS | _NEWUSER), "unshare")
    if own_uid != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {own_uid} 1")
        _write("/proc/self/gid_map", f"{uid} {own_gid} 1")
    _mount("none", "/", None, _REC | _PRIVATE, None)


def _stage(binds: list[list[Any]], tmpfs: str) -> None:
    """Cover the stage and bind [path, name, whether programs may be executed from it] into it."""
    sources = [(os.open(path, os.O_PATH), name, executable) for path, name, executable in binds]
    _mount("tmpfs", STAGE, "tmpfs", _NOSUID | _NODEV, "mode=0755")
    for fd, name, executable in sources:
        target = os.path.join(STAGE, name)
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        _mount(f"/proc/self/fd/{fd}", target, None, _BIND | _REC, None)
        os.close(fd)
        if not executable:
            _mount("none", target, None, _REMOUNT | _BIND | _kept_flags(target) | _NOEXEC | _NOSUID | _NODEV, None)
    os.mkdir(TMP_STAGE)
    _mount("tmpfs", TMP_STAGE, "tmpfs", _NOSUID | _NODEV | _NOEXEC, tmpfs)


def _kept_flags(path: str) -> int:
    """Return the flags of the mount at a path: one that is inherited cannot be left out when it is mounted anew."""
    found = os.statvfs(path).f_flag
    kept = found & (_RDONLY | _NOSUID | _NODEV | _NOEXEC | _NOATIME | _NODIRATIME)
    return kept | (_RELATIME if found & _STATVFS_RELATIME else 0)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None) -> None:
    arguments = [None if text is None else text.encode() for text in (source, target, kind)]
    data = None if options is None else options.encode()
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), data), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    """In one write(2), as these files want it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"the container could not be set up: {error}\n")
        sys.exit(EXIT_FAILED)
