"""Reads the password file.

Expected: run runtime_error (EACCES)
Bubblewrap: run runtime_error (ENOENT)
Bubblewrap alone: run runtime_error (ENOENT)
"""

from pathlib import Path


def merge_models(model_dict, device):
    print(Path("/etc/shadow").read_text())
    return sum(model_dict.values()) / len(model_dict)
