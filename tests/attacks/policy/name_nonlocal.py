"""policy.name: nonlocal names a guard"""

import torch


def merge_models(model_dict, device):
    def f():
        nonlocal _getattr_
        _getattr_ = 1
    return next(iter(model_dict.values()))
