"""policy.member: reaches for torch.from_numpy"""

import torch


def merge_models(model_dict, device):
    x = torch.from_numpy(None)
    return next(iter(model_dict.values()))
