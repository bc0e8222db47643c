"""policy.name: uses a name of the machinery: delete"""

import torch


def merge_models(model_dict, device):
    del _getattr_
    return next(iter(model_dict.values()))
