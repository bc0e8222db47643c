"""policy.name: uses a name of the machinery: walrus"""

import torch


def merge_models(model_dict, device):
    (_write_ := 1)
    return next(iter(model_dict.values()))
