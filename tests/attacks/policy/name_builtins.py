"""policy.name: uses a name of the machinery: builtins"""

import torch


def merge_models(model_dict, device):
    __builtins__ = {}
    return next(iter(model_dict.values()))
