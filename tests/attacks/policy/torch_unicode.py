"""policy.member: compatibility characters spell torch.os"""

import torch


def merge_models(model_dict, device):
    torch.ｏｓ.system('id')
    return next(iter(model_dict.values()))
