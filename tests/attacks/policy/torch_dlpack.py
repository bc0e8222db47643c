"""policy.member: reaches for torch.utils.dlpack.from_dlpack"""

import torch


def merge_models(model_dict, device):
    x = torch.utils.dlpack.from_dlpack(None)
    return next(iter(model_dict.values()))
