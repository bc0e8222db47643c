"""policy.attribute: drives a generator by hand"""

import torch


def merge_models(model_dict, device):
    (x for x in [1]).send(None)
    return next(iter(model_dict.values()))
