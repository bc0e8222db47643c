"""policy.member: anomaly mode"""

import torch


def merge_models(model_dict, device):
    torch.autograd.set_detect_anomaly(True)
    return next(iter(model_dict.values()))
