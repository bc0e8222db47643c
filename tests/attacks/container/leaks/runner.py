"""Looks in the runner's own objects for paths of the host, keys and other programs.

Expected: run runtime_error (nothing)
"""

import gc
import sys


def merge_models(model_dict, device):
    job = sys.modules["sandbox_image.protocol"].RunJob
    found = [each for each in gc.get_objects() if isinstance(each, job)]
    paths = [path for each in found for _, paths in each.candidate_files for path in paths]
    if len(found) > 1 or any(not path.startswith("/inputs/") for path in paths):
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"nothing but {len(found)} job and {len(paths)} paths in the container")
