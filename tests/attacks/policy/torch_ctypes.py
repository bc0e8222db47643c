"""policy.member: reaches for torch.ctypes.CDLL"""

import torch


def merge_models(model_dict, device):
    x = torch.ctypes.CDLL(None)
    return next(iter(model_dict.values()))
