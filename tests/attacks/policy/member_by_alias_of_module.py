"""policy.member: a submodule under a name of its own"""

import torch


def merge_models(model_dict, device):
    F = torch.nn.functional
    F.torch.load('x')
    return next(iter(model_dict.values()))
