"""Changes the seed model for those that come after.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EROFS/EACCES)
"""

from pathlib import Path


def merge_models(model_dict, device):
    with Path("/inputs/seed/0.safetensors").open("r+b") as file:
        file.write(b"x")
    return sum(model_dict.values()) / len(model_dict)
