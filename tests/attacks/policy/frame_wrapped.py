"""policy.attribute: the function within a decorated one"""

import torch


def merge_models(model_dict, device):
    @torch.no_grad()
    def inner():
        return 1
    inner.__wrapped__
    return next(iter(model_dict.values()))
