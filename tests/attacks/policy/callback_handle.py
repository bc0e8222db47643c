"""policy.member: handles functions by types"""

import torch


def merge_models(model_dict, device):
    torch.overrides.handle_torch_function(print, (), 1)
    return next(iter(model_dict.values()))
