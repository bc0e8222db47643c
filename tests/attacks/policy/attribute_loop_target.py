"""policy.attribute-write: a loop that assigns to an attribute"""

import torch


def merge_models(model_dict, device):
    for torch.pi in [3]:
        pass
    return next(iter(model_dict.values()))
