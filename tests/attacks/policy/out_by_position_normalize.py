"""runtime: normalize takes its output by position"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.normalize(torch.ones(3, 4), 2.0, 1, 1e-12, torch.zeros(1))
    return next(iter(model_dict.values()))
