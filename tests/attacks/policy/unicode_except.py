"""policy.name: an exception bound to a guard's name"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    except Exception as _ｐrint_:
        pass
    return next(iter(model_dict.values()))
