"""policy.attribute: the cause of an exception"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ZeroDivisionError as error:
        error.__cause__
    return next(iter(model_dict.values()))
