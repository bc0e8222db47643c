"""policy.member: reaches for torch.builtins.eval"""

import torch


def merge_models(model_dict, device):
    x = torch.builtins.eval('1')
    return next(iter(model_dict.values()))
