"""policy.attribute: reaches for torch.Tensor.__torch_function__"""

import torch


def merge_models(model_dict, device):
    x = torch.Tensor.__torch_function__
    return next(iter(model_dict.values()))
