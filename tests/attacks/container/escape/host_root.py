"""Looks for the host's files behind the roots and working directories of all processes.

Expected: run runtime_error (only the container's own root/EPERM/EACCES)
"""

import contextlib
import os


def merge_models(model_dict, device):
    own, processes = os.stat("/"), [name for name in os.listdir("/proc") if name.isdigit()]
    for process in processes:
        for link in ("root", "cwd"):
            with contextlib.suppress(FileNotFoundError, PermissionError):
                found = os.stat(f"/proc/{process}/{link}/")
                if (found.st_dev, found.st_ino) != (own.st_dev, own.st_ino):
                    return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"{len(processes)} processes, only the container's own root")
