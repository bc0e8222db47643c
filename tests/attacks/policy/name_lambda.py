"""policy.name: uses a name of the machinery: lambda"""

import torch


def merge_models(model_dict, device):
    f = lambda _print_: 1
    return next(iter(model_dict.values()))
