"""runtime: catches by a class taken from a value"""

import torch


def merge_models(model_dict, device):
    values = [torch]
    try:
        values[0].clear()
    except Exception:
        pass
    return next(iter(model_dict.values()))
