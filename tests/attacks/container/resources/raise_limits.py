"""Raises its own limits.

Expected: run runtime_error (not allowed to raise/EPERM)
"""

import resource


def merge_models(model_dict, device):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**40, 2**40))
    return sum(model_dict.values()) / len(model_dict)
