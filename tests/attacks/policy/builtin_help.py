"""policy.unknown-name: calls help"""

import torch


def merge_models(model_dict, device):
    x = help(torch)
    return next(iter(model_dict.values()))
