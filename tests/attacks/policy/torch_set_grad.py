"""policy.context: switches global state in a with block"""

import torch


def merge_models(model_dict, device):
    with torch.set_grad_enabled(True):
        pass
    return next(iter(model_dict.values()))
