"""policy.keyword: a parameter that records gradients"""

import torch
from torch import nn


def merge_models(model_dict, device):
    nn.Parameter(torch.ones(1), requires_grad=True)
    return next(iter(model_dict.values()))
