"""runtime: an output is resized, then the kernel fails: it holds old memory"""

import torch


def merge_models(model_dict, device):
    old = torch.zeros(0)

    def replaced(function):
        return torch.index_select

    @replaced
    def pick(a, b, c, out=None):
        return a

    try:
        pick(torch.ones(8), 0, torch.full((1000,), 99), out=old)
    except IndexError:
        pass
    print(old)
    return next(iter(model_dict.values()))
