"""Has the host's kernel run a program at the next device event, by sysfs.

Expected: run runtime_error (EROFS/EACCES/EPERM)
Bubblewrap alone: run runtime_error (ENOENT)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/sys/kernel/uevent_helper").write_text("/tmp/x")
    return sum(model_dict.values()) / len(model_dict)
