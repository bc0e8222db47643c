"""policy.constructor: torch.FloatTensor of sizes holds old memory"""

import torch


def merge_models(model_dict, device):
    x = torch.FloatTensor(10, 10)
    return next(iter(model_dict.values()))
