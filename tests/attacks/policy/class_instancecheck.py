"""policy.attribute: the hook of isinstance"""

import torch


def merge_models(model_dict, device):
    torch.Tensor.__instancecheck__(1)
    return next(iter(model_dict.values()))
