"""policy.attribute: reads classes from a union"""

import torch


def merge_models(model_dict, device):
    (int | str).__args__
    return next(iter(model_dict.values()))
