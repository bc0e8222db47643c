"""runtime: torch.tensordot takes its output by position"""

import torch


def merge_models(model_dict, device):
    torch.tensordot(torch.ones(3, 4), torch.ones(4, 2), 1, torch.zeros(1))
    return next(iter(model_dict.values()))
