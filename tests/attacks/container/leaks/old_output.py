"""Looks for an earlier program's weights in the output file.

Expected: run runtime_error (EPERM/EACCES/only the host)
"""

from pathlib import Path


def merge_models(model_dict, device):
    if set(Path("/output").read_bytes()) - {0x00, 0xFF}:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("only the host's own marks")
