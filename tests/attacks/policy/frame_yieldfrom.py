"""policy.attribute: a generator's inner iterator"""

import torch


def merge_models(model_dict, device):
    x = (y for y in []).gi_yieldfrom
    return next(iter(model_dict.values()))
