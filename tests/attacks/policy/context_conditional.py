"""policy.context: a conditional expression as context"""

import torch


def merge_models(model_dict, device):
    with torch.no_grad() if model_dict else device:
        pass
    return next(iter(model_dict.values()))
