"""Runs inside the image build: leaves of a Debian root only what Python needs.

No shell, no package manager, no setuid program and no second Python survive. This is a convenience for
whoever reads the image and a nuisance for whoever breaks into it; the walls are the container's.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

PROGRAM_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
KEPT_PROGRAMS = ("python3",)  # and python3.11, where that is the file behind it
DROPPED = (
    "/boot",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/etc/apt",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/dpkg",
    "/etc/init.d",
    "/etc/pam.d",
    "/etc/security",
    "/etc/systemd",
    "/usr/games",
    "/usr/include",
    "/usr/lib/apt",
    "/usr/lib/dpkg",
    "/usr/lib/init",
    "/usr/lib/systemd",
    "/usr/lib/udev",
    "/usr/libexec",
    "/usr/share",
    "/usr/src",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/mail",
    "/var/spool",
)
DROPPED_IN_STDLIB = (
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pip",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
)
EMPTY_FOLDERS = ("/dev", "/opt", "/proc", "/sys", "/tmp", "/var/tmp")  # noqa: S108  (folders of the image)


def main() -> None:
    """Strip the root that this runs in. Only ever run in a build: it deletes the system."""
    strip_programs()
    for path in (*DROPPED, *stdlib_extras()):
        shutil.rmtree(path, ignore_errors=True)
    for path in EMPTY_FOLDERS:
        Path(path).mkdir(parents=True, exist_ok=True)
    drop_setuid()


def strip_programs() -> None:
    """Remove every program but Python. Links such as /bin -> usr/bin are followed once, not removed."""
    for folder in {os.path.realpath(folder) for folder in PROGRAM_FOLDERS if os.path.isdir(folder)}:
        for entry in os.scandir(folder):
            if not entry.name.startswith(KEPT_PROGRAMS) or entry.name.endswith("-config"):
                remove(entry.path)


def stdlib_extras() -> list[str]:
    """Return the parts of the standard library that no merge needs."""
    stdlib = os.path.dirname(os.__file__)
    return [os.path.join(stdlib, name) for name in DROPPED_IN_STDLIB] + ["/usr/lib/python3/dist-packages"]


def drop_setuid() -> None:
    """Clear setuid and setgid bits wherever a file still has one."""
    for folder, _, names in os.walk("/", followlinks=False):
        if folder.startswith(("/proc", "/sys", "/dev")):
            continue
        for name in names:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, mode & 0o755)


def remove(path: str) -> None:
    """Remove a file, a link or a folder."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


if __name__ == "__main__":
    main()
