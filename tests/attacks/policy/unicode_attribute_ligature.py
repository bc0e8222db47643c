"""policy.attribute: a ligature in an attribute"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).untyped_ﬆorage()
    return next(iter(model_dict.values()))
