"""policy.attribute: str.format handed to map"""

import torch


def merge_models(model_dict, device):
    print(list(map(str.format, ['{0.__class__}'], [1])))
    return next(iter(model_dict.values()))
