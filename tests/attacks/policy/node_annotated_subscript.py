"""policy.node: annotated assignment through a subscript"""

import torch


def merge_models(model_dict, device):
    model_dict['a']: int = 1
    return next(iter(model_dict.values()))
