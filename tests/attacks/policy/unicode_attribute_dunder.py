"""policy.attribute: low lines of another kind before a name"""

import torch


def merge_models(model_dict, device):
    ().__ｃlass__
    return next(iter(model_dict.values()))
