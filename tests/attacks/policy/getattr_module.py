"""policy.member: getattr with a denied member"""

import torch


def merge_models(model_dict, device):
    x = getattr(torch, 'os')
    return next(iter(model_dict.values()))
