"""policy.attribute: a superscript letter in a method"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).ᵈata
    return next(iter(model_dict.values()))
