"""policy.name: an assignment expression that binds a guard"""

import torch


def merge_models(model_dict, device):
    (_ｉnplacevar_ := 1)
    return next(iter(model_dict.values()))
