"""policy.keyword: an argument for the library's own use"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.softmax(torch.ones(2), dim=0, _stacklevel=5)
    return next(iter(model_dict.values()))
