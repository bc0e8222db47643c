"""runtime: hasattr turns errors into answers"""

import torch


def merge_models(model_dict, device):
    values = [torch]
    print(hasattr(values[0], 'clear'))
    return next(iter(model_dict.values()))
