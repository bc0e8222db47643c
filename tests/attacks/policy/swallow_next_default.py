"""runtime: next with a default"""

import torch


def merge_models(model_dict, device):
    values = [torch]
    print(next((v.clear for v in values), None))
    return next(iter(model_dict.values()))
