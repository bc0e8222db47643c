"""policy.attribute: NameError says which name"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except NameError as error:
        error.name
    return next(iter(model_dict.values()))
