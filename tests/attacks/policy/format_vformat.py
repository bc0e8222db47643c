"""policy.attribute: vformat"""

import torch


def merge_models(model_dict, device):
    ''.vformat('{0.__class__}', [1], {})
    return next(iter(model_dict.values()))
