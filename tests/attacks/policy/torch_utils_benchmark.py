"""policy.member: reaches for torch.utils.benchmark.Timer"""

import torch


def merge_models(model_dict, device):
    x = torch.utils.benchmark.Timer('1')
    return next(iter(model_dict.values()))
