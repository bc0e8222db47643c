"""Moves the runner's code away.

Expected: run runtime_error (EROFS/EPERM/EACCES)
"""

import os


def merge_models(model_dict, device):
    os.rename("/opt/assay/sandbox_image", "/opt/assay/sandbox_image_")
    return sum(model_dict.values()) / len(model_dict)
