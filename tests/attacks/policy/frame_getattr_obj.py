"""policy.attribute: the object of an AttributeError by getattr"""

import torch


def merge_models(model_dict, device):
    try:
        (1).keys()
    except AttributeError as error:
        getattr(error, 'obj')
    return next(iter(model_dict.values()))
