"""policy.import: runs a function with its own state"""

import torch


def merge_models(model_dict, device):
    from torch.utils.checkpoint import checkpoint
    return next(iter(model_dict.values()))
