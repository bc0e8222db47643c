"""policy.attribute: a generator's code object"""

import torch


def merge_models(model_dict, device):
    x = (y for y in []).gi_code
    return next(iter(model_dict.values()))
