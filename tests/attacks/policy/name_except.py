"""policy.name: uses a name of the machinery: except"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    except ValueError as _apply_:
        pass
    return next(iter(model_dict.values()))
