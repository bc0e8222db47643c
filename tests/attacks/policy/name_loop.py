"""policy.name: uses a name of the machinery: loop"""

import torch


def merge_models(model_dict, device):
    for _getiter_ in [1]:
        pass
    return next(iter(model_dict.values()))
