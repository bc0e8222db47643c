"""policy.context: a device as context changes the default"""

import torch


def merge_models(model_dict, device):
    with torch.device('meta'):
        pass
    return next(iter(model_dict.values()))
