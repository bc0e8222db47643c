"""policy.attribute-write: deletes an attribute"""

import torch


def merge_models(model_dict, device):
    del torch.add
    return next(iter(model_dict.values()))
