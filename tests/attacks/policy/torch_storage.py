"""policy.member: reaches for torch.UntypedStorage"""

import torch


def merge_models(model_dict, device):
    x = torch.UntypedStorage(10)
    return next(iter(model_dict.values()))
