"""runtime: the rank of an empty matrix is whatever was in memory"""

import torch


def merge_models(model_dict, device):
    print(torch.linalg.lstsq(torch.zeros(1, 2, 1, 0), torch.zeros(0, 2, 1, 1)).rank)
    return next(iter(model_dict.values()))
