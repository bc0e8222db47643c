"""Reads from the list of mounts where the mounted files lie on the host.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verified (the kernel lists where on the host each mounted file lies)
"""

from pathlib import Path


def merge_models(model_dict, device):
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    print([fields[3] for fields in mounts if fields[4].startswith(("/inputs", "/output"))])
    return sum(model_dict.values()) / len(model_dict)
