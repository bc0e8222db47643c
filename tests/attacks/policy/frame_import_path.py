"""policy.attribute: ImportError says where a module lies"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ImportError as error:
        error.path
    return next(iter(model_dict.values()))
