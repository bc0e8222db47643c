"""runtime: out= by unpacking"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    kw = {'out': x}
    torch.add(x, 1.0, **kw)
    return next(iter(model_dict.values()))
