"""policy.attribute: throws into a generator"""

import torch


def merge_models(model_dict, device):
    (x for x in [1]).throw(ValueError)
    return next(iter(model_dict.values()))
