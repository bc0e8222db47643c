"""policy.attribute: a function of storage"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).untyped_storage().from_file('x')
    return next(iter(model_dict.values()))
