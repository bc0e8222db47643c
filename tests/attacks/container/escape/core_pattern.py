"""Changes a setting of the kernel.

Expected: run runtime_error
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x")
    return sum(model_dict.values()) / len(model_dict)
