"""policy.name: uses a name of the machinery: call"""

import torch


def merge_models(model_dict, device):
    x = _getattr_(torch, 'os')
    return next(iter(model_dict.values()))
