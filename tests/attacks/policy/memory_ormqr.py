"""policy.member: reflectors without their sizes"""

import torch


def merge_models(model_dict, device):
    torch.ormqr(torch.eye(2), torch.ones(2), torch.eye(2))
    return next(iter(model_dict.values()))
