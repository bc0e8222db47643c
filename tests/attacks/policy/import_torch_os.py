"""policy.import: imports torch.os"""

import torch.os
import torch


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
