"""policy.context: an assignment expression as context"""

import torch


def merge_models(model_dict, device):
    with (switch := torch.no_grad()):
        pass
    return next(iter(model_dict.values()))
