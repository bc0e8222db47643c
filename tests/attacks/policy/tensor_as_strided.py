"""policy.attribute: uses Tensor.as_strided"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.as_strided((9,), (1,))
    return next(iter(model_dict.values()))
