"""Exchanges two input models.

Expected: run runtime_error (EPERM/EACCES/EROFS/EBUSY)
"""

import os


def merge_models(model_dict, device):
    os.rename("/inputs/seed", "/inputs/other")
    return sum(model_dict.values()) / len(model_dict)
