"""Opens the container engine's socket.

Expected: run runtime_error (EPERM/EACCES/ENOENT)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/var/run/docker.sock").read_bytes()
    return sum(model_dict.values()) / len(model_dict)
