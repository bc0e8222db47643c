"""Looks for a network interface beside the loopback.

Expected: run runtime_error (only lo/EPERM/EACCES)
Bubblewrap: run runtime_error (ENOENT)
Bubblewrap alone: run runtime_error (ENOENT)
"""

import os


def merge_models(model_dict, device):
    found = [name for name in os.listdir("/sys/class/net") if name not in ("lo", "bonding_masters")]
    up = [name for name in found if os.path.exists(f"/sys/class/net/{name}/device")]
    if up:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"only lo, and {len(found)} without a device")
