"""policy.work: combinations of a billion at a time"""

import torch
from itertools import combinations


def merge_models(model_dict, device):
    list(combinations([0], 10**9))
    return next(iter(model_dict.values()))
