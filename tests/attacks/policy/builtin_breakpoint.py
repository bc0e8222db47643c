"""policy.unknown-name: calls breakpoint"""

import torch


def merge_models(model_dict, device):
    x = breakpoint()
    return next(iter(model_dict.values()))
