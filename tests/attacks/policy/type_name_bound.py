"""policy.attribute: a type of its own leaves __name__ unguarded"""

import torch


def merge_models(model_dict, device):
    type = print
    x = type(model_dict).__name__
    return next(iter(model_dict.values()))
