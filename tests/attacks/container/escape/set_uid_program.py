"""Runs a program that belongs to root and runs as root.

Expected: run runtime_error (no such program/EPERM/EACCES)
"""

import os
import stat


def merge_models(model_dict, device):
    for folder, _, names in os.walk("/"):
        if folder.startswith(("/proc", "/sys", "/opt")):
            continue
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(found.st_mode) and found.st_mode & (stat.S_ISUID | stat.S_ISGID):
                return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("no such program in sight")
