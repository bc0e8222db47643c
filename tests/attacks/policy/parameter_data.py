"""policy.attribute: the tensor behind a parameter"""

import torch
from torch import nn


def merge_models(model_dict, device):
    nn.Parameter(torch.ones(1)).data
    return next(iter(model_dict.values()))
