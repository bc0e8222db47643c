"""runtime: a decorator puts torch.add in place of its own function, which takes out="""

import torch


def merge_models(model_dict, device):
    x = torch.zeros(2)

    def replaced(function):
        return torch.add

    @replaced
    def add(a, b, out=None):
        return a

    add(torch.ones(3), 1, out=x)
    return next(iter(model_dict.values()))
