"""policy.node: annotated assignment to an item"""

import torch


def merge_models(model_dict, device):
    model_dict['x']: int = 1
    return next(iter(model_dict.values()))
