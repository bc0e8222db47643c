"""Changes the seed model's times, so that caches take it for new.

Expected: run runtime_error (EPERM/EACCES/EROFS)
"""

import os


def merge_models(model_dict, device):
    os.utime("/inputs/seed/0.safetensors")
    return sum(model_dict.values()) / len(model_dict)
