"""Looks beside the mounted files for others of the host.

Expected: run runtime_error (only what is mounted)
"""

import os


def merge_models(model_dict, device):
    found = []
    for folder, _, names in os.walk("/inputs"):
        found += [os.path.join(folder, name) for name in names]
    if any(not name.endswith(".safetensors") for name in found) or len(found) > 4:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"only what is mounted: {len(found)} files")
