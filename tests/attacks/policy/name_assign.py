"""policy.name: uses a name of the machinery: assign"""

import torch


def merge_models(model_dict, device):
    _getattr_ = None
    return next(iter(model_dict.values()))
