"""runtime: torch.norm takes its output by position"""

import torch


def merge_models(model_dict, device):
    torch.norm(torch.ones(3, 4), 2, 0, False, torch.zeros(1))
    return next(iter(model_dict.values()))
