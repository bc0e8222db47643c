"""policy.attribute: string.Formatter by way of torch"""

import torch


def merge_models(model_dict, device):
    torch.jit.frontend.string.Formatter().format('{0.__class__}', 1)
    return next(iter(model_dict.values()))
