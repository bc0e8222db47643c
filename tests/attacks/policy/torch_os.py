"""policy.member: reaches for torch.os.system"""

import torch


def merge_models(model_dict, device):
    x = torch.os.system('id')
    return next(iter(model_dict.values()))
