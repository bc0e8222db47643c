"""policy.work: a field a billion characters wide"""

import torch


def merge_models(model_dict, device):
    x = f'{1:1000000000}'
    return next(iter(model_dict.values()))
