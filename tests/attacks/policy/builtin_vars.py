"""policy.builtin: calls vars"""

import torch


def merge_models(model_dict, device):
    x = vars(model_dict)
    return next(iter(model_dict.values()))
