"""policy.member: coordinates used as indices"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.grid_sample(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 2))
    return next(iter(model_dict.values()))
