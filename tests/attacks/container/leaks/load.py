"""Reads what the host is busy with: its memory, load, and time since start.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verified (memory, load and counters are the host's)
"""

from pathlib import Path


def merge_models(model_dict, device):
    print(Path("/proc/meminfo").read_text()[:100], Path("/proc/loadavg").read_text(), Path("/proc/stat").read_text()[:100])
    return sum(model_dict.values()) / len(model_dict)
