"""runtime: except Exception around a violation"""

import torch


def merge_models(model_dict, device):
    try:
        x = [0] * (len(model_dict) * 10**10)
    except Exception:
        pass
    return next(iter(model_dict.values()))
