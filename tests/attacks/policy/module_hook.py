"""policy.attribute: a hook on a module"""

import torch
from torch import nn


def merge_models(model_dict, device):
    nn.ReLU().register_forward_hook(print)
    return next(iter(model_dict.values()))
