"""runtime: a violation inside a handler"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ZeroDivisionError:
        try:
            [torch][0].clear()
        except Exception:
            pass
    return next(iter(model_dict.values()))
