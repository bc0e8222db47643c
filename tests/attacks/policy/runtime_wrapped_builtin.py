"""runtime: renames what is not the program's own"""

import functools
import torch


def merge_models(model_dict, device):
    x = functools.wraps(merge_models)(torch.nn.Identity)
    return next(iter(model_dict.values()))
