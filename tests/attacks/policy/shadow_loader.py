"""policy.name: reads __loader__"""

import torch


def merge_models(model_dict, device):
    print(__loader__)
    return next(iter(model_dict.values()))
