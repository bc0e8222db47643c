"""policy.attribute: calls the hook for subclasses"""

import torch


def merge_models(model_dict, device):
    int.__init_subclass__()
    return next(iter(model_dict.values()))
