"""runtime: round called from C"""

import torch


def merge_models(model_dict, device):
    list(map(round, [7], [-(10 ** 8)]))
    return next(iter(model_dict.values()))
