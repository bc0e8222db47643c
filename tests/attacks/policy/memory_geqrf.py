"""policy.member: reflectors without their sizes"""

import torch


def merge_models(model_dict, device):
    torch.geqrf(torch.eye(2))
    return next(iter(model_dict.values()))
