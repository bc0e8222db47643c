"""policy.attribute: closes a generator"""

import torch


def merge_models(model_dict, device):
    (x for x in [1]).close()
    return next(iter(model_dict.values()))
