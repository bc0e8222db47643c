"""policy.attribute: str.format as a key"""

import torch


def merge_models(model_dict, device):
    sorted(['{0.__class__}'], key=str.format)
    return next(iter(model_dict.values()))
