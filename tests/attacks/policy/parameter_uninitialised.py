"""policy.member: a parameter without values"""

import torch
from torch import nn


def merge_models(model_dict, device):
    nn.UninitializedParameter()
    return next(iter(model_dict.values()))
