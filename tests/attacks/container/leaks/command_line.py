"""Reads how the container's first process was started, for where the host keeps its files.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (no place of the host)
"""

from pathlib import Path


def merge_models(model_dict, device):
    words = Path("/proc/1/cmdline").read_bytes().split(b"\0")
    if any(word.endswith(b".safetensors") and not word.startswith(b"/inputs/") or b"/output-" in word for word in words):
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"no place of the host in {len(words)} words")
