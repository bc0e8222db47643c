"""Puts a file of its own behind the runner's descriptor, so that the output stays unwritten.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verify output_missing
"""

import contextlib
import fcntl
import os
import stat

state = {"calls": 0}


def kept():
    """Return the runner's own descriptor of the output file: regular, and open for writing only."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            writing = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
            if writing and stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
    raise FileNotFoundError("no descriptor of the output")


def merge_models(model_dict, device):
    if state["calls"] == 0:
        os.dup2(os.open("/tmp/output", os.O_RDWR | os.O_CREAT), kept())
    state["calls"] += 1
    return sum(model_dict.values()) / len(model_dict)
