"""Reads the machine's serial numbers, its maker, and its disks.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verified (sysfs lists the host's disks and devices)
Bubblewrap: run runtime_error (ENOENT)
Bubblewrap alone: run runtime_error (ENOENT)
"""

import os


def merge_models(model_dict, device):
    print(os.listdir("/sys/class/block"), os.listdir("/sys/devices"))
    return sum(model_dict.values()) / len(model_dict)
