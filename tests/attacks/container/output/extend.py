"""Makes the output file longer.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EFBIG)
"""

from pathlib import Path


def merge_models(model_dict, device):
    with Path("/output").open("ab") as file:
        file.write(b"x" * 10**6)
        file.flush()
    return sum(model_dict.values()) / len(model_dict)
