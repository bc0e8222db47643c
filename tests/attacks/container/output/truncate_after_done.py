"""Cuts the output off when the runner has said that it is done.

Expected: run runtime_error (status)
Outer wall alone: verify output_size
"""

import contextlib
import fcntl
import os
import stat

def after_done(deed):
    """Have the runner do a deed when it has said `done` and waits for the host to measure."""
    read = os.read

    def patched(descriptor, count):
        deed()
        return read(descriptor, count)

    os.read = patched


def kept():
    """Return the runner's own descriptor of the output file: regular, and open for writing only."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            writing = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
            if writing and stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
    raise FileNotFoundError("no descriptor of the output")


def merge_models(model_dict, device):
    after_done(lambda: os.ftruncate(kept(), 5))
    return sum(model_dict.values()) / len(model_dict)
