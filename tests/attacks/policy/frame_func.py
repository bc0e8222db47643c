"""policy.attribute: the function behind a method"""

import torch


def merge_models(model_dict, device):
    model_dict.get.__func__
    return next(iter(model_dict.values()))
