"""policy.name: reads __builtins__"""

import torch


def merge_models(model_dict, device):
    b = __builtins__['open']
    return next(iter(model_dict.values()))
