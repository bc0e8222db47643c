"""policy.attribute: uses Tensor.record_stream"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.record_stream(None)
    return next(iter(model_dict.values()))
