"""policy.member: counts into bins to the power of the columns, which never ends"""

import torch


def merge_models(model_dict, device):
    torch.histogramdd(torch.randn(10, 12), bins=[100] * 12)
    return next(iter(model_dict.values()))
