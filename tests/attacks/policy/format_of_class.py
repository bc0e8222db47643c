"""policy.attribute: str.format as an unbound function"""

import torch


def merge_models(model_dict, device):
    f = str.format
    f('{0.__class__}', 1)
    return next(iter(model_dict.values()))
