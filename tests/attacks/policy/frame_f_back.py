"""policy.attribute: an attribute of frames"""

import torch


def merge_models(model_dict, device):
    model_dict.f_back
    return next(iter(model_dict.values()))
