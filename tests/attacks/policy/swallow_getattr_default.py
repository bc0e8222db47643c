"""runtime: getattr with a default turns errors into answers"""

import torch


def merge_models(model_dict, device):
    values = [torch]
    print(getattr(values[0], 'clear', None))
    return next(iter(model_dict.values()))
