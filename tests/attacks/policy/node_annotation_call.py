"""policy.node: code in an annotation"""

import torch


def merge_models(model_dict, device):
    x: exec('1') = 1
    return next(iter(model_dict.values()))
