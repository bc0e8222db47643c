"""policy.member: reaches for torch.fx.GraphModule"""

import torch


def merge_models(model_dict, device):
    x = torch.fx.GraphModule
    return next(iter(model_dict.values()))
