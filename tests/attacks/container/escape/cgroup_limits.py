"""Lifts its own memory limit in the cgroup's files.

Expected: run runtime_error (EROFS/EACCES/EPERM/no cgroup)
"""

import contextlib
from pathlib import Path

FILES = ("memory/memory.limit_in_bytes", "memory.max", "pids/pids.max", "pids.max")


def merge_models(model_dict, device):
    refusals = []
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            try:
                Path("/sys/fs/cgroup", name).write_text("max" if name.endswith("max") else "-1")
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                refusals.append(error)
            else:
                return sum(model_dict.values()) / len(model_dict)
    raise refusals[0] if refusals else PermissionError("no cgroup files in sight")
