"""runtime: wraps renames a function of torch"""

import torch
from functools import wraps


def merge_models(model_dict, device):
    def own():
        return 1
    wraps(own)(torch.add)
    return next(iter(model_dict.values()))
