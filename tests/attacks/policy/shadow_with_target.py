"""policy.name: a with block that binds a guard"""

import torch


def merge_models(model_dict, device):
    with torch.no_grad() as _getattr_:
        pass
    return next(iter(model_dict.values()))
