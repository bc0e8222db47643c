"""policy.member: reaches for torch.nn.functional.math"""

import torch


def merge_models(model_dict, device):
    x = torch.nn.functional.math
    return next(iter(model_dict.values()))
