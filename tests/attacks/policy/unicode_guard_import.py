"""policy.name: an import bound to a guard's name"""

import torch


def merge_models(model_dict, device):
    import math as _ａpply_
    return next(iter(model_dict.values()))
