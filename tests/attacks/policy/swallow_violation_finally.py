"""runtime: a finally that raises replaces the violation by an error that can be caught"""

import torch


def merge_models(model_dict, device):
    values = [torch]
    try:
        try:
            values[0].clear()
        finally:
            1 / 0
    except ZeroDivisionError:
        pass
    return next(iter(model_dict.values()))
