"""policy.member: reaches for torch.set_num_threads"""

import torch


def merge_models(model_dict, device):
    x = torch.set_num_threads(64)
    return next(iter(model_dict.values()))
