"""policy.context: decorates with what a name stands for"""

import torch


def merge_models(model_dict, device):
    deco = torch.compile
    @deco
    def f(x):
        return x
    return next(iter(model_dict.values()))
