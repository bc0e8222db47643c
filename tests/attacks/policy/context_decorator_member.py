"""policy.context: a member of torch as decorator"""

import torch


def merge_models(model_dict, device):
    @torch.compile
    def inner(x):
        return x
    inner(1)
    return next(iter(model_dict.values()))
