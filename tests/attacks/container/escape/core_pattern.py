"""Changes a setting of the kernel.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EROFS)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x")
    return sum(model_dict.values()) / len(model_dict)
