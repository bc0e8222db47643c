"""policy.attribute: uses Tensor.share_memory"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.share_memory_()
    return next(iter(model_dict.values()))
