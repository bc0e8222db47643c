"""runtime: torch.Tensor(size) would hold uninitialised memory"""

import torch


def merge_models(model_dict, device):
    x = torch.Tensor(model_dict["math"].shape)
    return next(iter(model_dict.values()))
