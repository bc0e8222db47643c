"""policy.node: an assignment in an annotation"""

import torch


def merge_models(model_dict, device):
    x: (y := 1) = 2
    return next(iter(model_dict.values()))
