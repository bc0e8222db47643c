"""policy.member: reaches for torch.serialization.pickle"""

import torch


def merge_models(model_dict, device):
    x = torch.serialization.pickle
    return next(iter(model_dict.values()))
