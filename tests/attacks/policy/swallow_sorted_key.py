"""runtime: a violation in a key function"""

import torch


def merge_models(model_dict, device):
    try:
        sorted([torch], key=lambda v: v.clear)
    except Exception:
        pass
    return next(iter(model_dict.values()))
