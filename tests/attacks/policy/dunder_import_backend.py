"""policy.attribute: reaches for torch._dynamo"""

import torch


def merge_models(model_dict, device):
    x = torch._dynamo
    return next(iter(model_dict.values()))
