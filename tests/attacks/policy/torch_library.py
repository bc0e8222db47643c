"""policy.member: reaches for torch.library.Library"""

import torch


def merge_models(model_dict, device):
    x = torch.library.Library('aten', 'IMPL')
    return next(iter(model_dict.values()))
