"""Looks for other containers in its cgroup's names.

Expected: run runtime_error (EPERM/EACCES/only itself)
"""

import os
import re
from pathlib import Path


def merge_models(model_dict, device):
    text = Path("/proc/self/cgroup").read_text() + Path("/proc/1/cgroup").read_text()
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        text += " ".join(names)
    if re.search(r"[0-9a-f]{64}|docker|assay|\.scope|\.slice", text):
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("only itself")
