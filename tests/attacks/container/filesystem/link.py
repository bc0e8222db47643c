"""Puts a symlink to the host's secrets where somebody may follow it.

Expected: run runtime_error (EPERM/EACCES)
"""

import os


def merge_models(model_dict, device):
    os.symlink("/root/.ssh/id_ed25519", "/tmp/output")
    return sum(model_dict.values()) / len(model_dict)
