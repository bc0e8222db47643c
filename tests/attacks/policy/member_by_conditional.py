"""policy.attribute: a module out of a conditional expression"""

import torch


def merge_models(model_dict, device):
    (torch if model_dict else None).ops
    return next(iter(model_dict.values()))
