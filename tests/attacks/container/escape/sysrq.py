"""Presses the key that reboots the host.

Expected: run runtime_error (EROFS/EACCES/EPERM/ENOENT)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/proc/sysrq-trigger").write_text("h")  # `h` is help: harmless if it gets through
    return sum(model_dict.values()) / len(model_dict)
