"""policy.attribute: the class above Exception"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    except Exception.__base__:
        pass
    return next(iter(model_dict.values()))
