"""policy.builtin: getattr bound by an assignment expression"""

import torch


def merge_models(model_dict, device):
    (reach := getattr)(torch, 'load')
    return next(iter(model_dict.values()))
