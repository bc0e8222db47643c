"""Raises the limits that its parent set for it.

Expected: screen runtime_error (EPERM/not allowed to raise)
"""

import resource


def merge_models(model_dict, device):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return sum(model_dict.values()) / len(model_dict)
