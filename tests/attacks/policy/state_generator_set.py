"""policy.attribute: sets the state of a generator"""

import torch


def merge_models(model_dict, device):
    torch.Generator().set_state(torch.zeros(5056, dtype=torch.uint8))
    return next(iter(model_dict.values()))
