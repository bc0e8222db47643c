"""How a container's first process ended, as the kernel tells whoever holds a pidfd of it.

Nothing inside a container can send SIGKILL to its first process: the kernel drops the signal. So a first
process that SIGKILL ended was ended from outside, whatever status the engine reports.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct

_INFO_BYTES = 64  # linux/pidfd.h: struct pidfd_info, first version
_EXIT = 1 << 3  # PIDFD_INFO_EXIT, since Linux 6.15
_GET_INFO = 3 << 30 | _INFO_BYTES << 16 | 0xFF << 8 | 11  # PIDFD_GET_INFO, a request that writes and reads
_EXIT_CODE_AT = 60


def has_ended(pidfd: int) -> bool:
    """Whether that process has ended, reaped or not: known at once, before any engine hears of it."""
    watch = select.poll()
    watch.register(pidfd, select.POLLIN)
    return bool(watch.poll(0))


def ended_by_kill(pidfd: int) -> bool:
    """Whether that process was ended by SIGKILL. False also where it lives, or the kernel does not say."""
    info = bytearray(_INFO_BYTES)
    struct.pack_into("<Q", info, 0, _EXIT)
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return False  # an older kernel
    (mask,) = struct.unpack_from("=Q", info, 0)
    (status,) = struct.unpack_from("=i", info, _EXIT_CODE_AT)
    return bool(mask & _EXIT) and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
