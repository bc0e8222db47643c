"""policy.unknown-name: sets the recursion limit"""

import torch


def merge_models(model_dict, device):
    setrecursionlimit(10**9)
    return next(iter(model_dict.values()))
