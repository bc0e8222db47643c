"""policy.name: a keyword argument that spells a guard's name"""

import torch


def merge_models(model_dict, device):
    dict(_ｇetitem_=1)
    return next(iter(model_dict.values()))
