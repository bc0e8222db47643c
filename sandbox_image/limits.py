"""Pins the numeric knobs of torch, and bounds the children of a cell. The container's limits are the host's.

A limit set here can be lowered further by a program but not raised; it is a convenience for a clear
fault, never the wall.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
import warnings
from pathlib import Path

import torch
from torch._opaque_base import OpaqueBaseMeta

CHILD_EXTRA_BYTES = 512 * 1024 * 1024  # address space that a screened program may add to torch's own
SPARE_SECONDS = 5.0  # beyond a deadline, for those whose work it is to end a program at it
_PR_SET_PDEATHSIG = 1


def pin() -> None:
    """One thread, deterministic algorithms, no warnings about what the image leaves out on purpose."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    # `torch.use_deterministic_algorithms` does this too, after importing the compiler: 1.5 s for one flag of it.
    torch._C._set_deterministic_algorithms(True, warn_only=True)
    # What `torch._meta_registrations` would have set by importing the compiler's primitives (see lean.py).
    if "torch._prims.rng_prims" not in sys.modules:
        torch._C._set_generator_metaclass(OpaqueBaseMeta)
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")


def bound_child(timeout_seconds: float) -> None:
    """Bound this process: CPU time, address space, no core, no file writes. Dies with its parent."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    cpu = math.ceil(timeout_seconds) + 1
    space = _address_space() + CHILD_EXTRA_BYTES
    for limit, value in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)  # a host without cgroups sets its own
        resource.setrlimit(limit, (bound, bound))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
