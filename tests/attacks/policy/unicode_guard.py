"""policy.name: compatibility characters spell a guard's name"""

import torch


def merge_models(model_dict, device):
    _ｇetattr_ = 1
    return next(iter(model_dict.values()))
