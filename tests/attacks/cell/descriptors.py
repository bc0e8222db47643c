"""Looks for the cell's own pipes among its descriptors: the jobs that come, and what the host hears.

Expected: screen runtime_error (one pipe)
"""

import fcntl
import os
import stat


def merge_models(model_dict, device):
    kinds = {}
    for descriptor in range(256):
        try:
            kinds[descriptor] = stat.S_IFMT(os.fstat(descriptor).st_mode)
        except OSError:
            continue
    pipes = [descriptor for descriptor, kind in kinds.items() if kind in (stat.S_IFIFO, stat.S_IFSOCK)]
    readable = [descriptor for descriptor in pipes if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY]
    if len(pipes) == 1 and not readable:
        raise PermissionError("one pipe, and it only leads out")
    return sum(model_dict.values()) / len(model_dict)
