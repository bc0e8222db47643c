"""Looks in its own environment for secrets, host names and users.

Expected: run runtime_error (nothing of the host)
"""

import os

WORDS = ("TOKEN", "SECRET", "KEY", "PASSWORD", "CREDENTIAL", "AWS", "HF_", "WANDB", "SSH", "DOCKER", "USER", "LOGNAME", "PROXY")


def merge_models(model_dict, device):
    found = [name for name in os.environ if any(word in name.upper() for word in WORDS)]
    if found or os.environ.get("HOME") != "/tmp":
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("nothing of the host")
