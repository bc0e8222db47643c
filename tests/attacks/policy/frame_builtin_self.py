"""policy.attribute: the module behind a builtin"""

import torch


def merge_models(model_dict, device):
    len.__self__
    return next(iter(model_dict.values()))
