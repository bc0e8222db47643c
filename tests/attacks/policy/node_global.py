"""policy.name: global that names a guard"""

import torch


def merge_models(model_dict, device):
    global _getattr_
    _getattr_ = getattr
    return next(iter(model_dict.values()))
