"""policy.member: transforms functions"""

import torch


def merge_models(model_dict, device):
    torch.func.vmap(lambda x: x)(torch.ones(2))
    return next(iter(model_dict.values()))
