"""policy.name: global that spells a guard's name"""

import torch


def merge_models(model_dict, device):
    global _ｗrite_
    _ｗrite_ = 1
    return next(iter(model_dict.values()))
