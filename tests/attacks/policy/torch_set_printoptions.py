"""policy.member: reaches for torch.set_printoptions"""

import torch


def merge_models(model_dict, device):
    x = torch.set_printoptions(profile='full')
    return next(iter(model_dict.values()))
