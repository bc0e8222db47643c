"""policy.attribute: uses Tensor.data_ptr"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.data_ptr()
    return next(iter(model_dict.values()))
