"""policy.name: uses a name of the machinery: comprehension"""

import torch


def merge_models(model_dict, device):
    x = [1 for _inplacevar_ in [1]]
    return next(iter(model_dict.values()))
