"""policy.member: reaches for torch.multiprocessing.spawn"""

import torch


def merge_models(model_dict, device):
    x = torch.multiprocessing.spawn(print)
    return next(iter(model_dict.values()))
