"""policy.attribute-write: sets Tensor.data"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    x.data = model_dict['math']
    return next(iter(model_dict.values()))
