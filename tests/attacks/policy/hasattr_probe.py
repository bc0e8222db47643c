"""policy.builtin: probes attributes by computed names"""

import torch


def merge_models(model_dict, device):
    x = [n for n in ['os'] if hasattr(torch, n)]
    return next(iter(model_dict.values()))
