"""policy.member: mixed precision keeps a cache of weights"""

import torch


def merge_models(model_dict, device):
    with torch.autocast('cpu'):
        pass
    return next(iter(model_dict.values()))
