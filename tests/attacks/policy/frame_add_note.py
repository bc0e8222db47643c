"""policy.attribute: notes on an exception"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ZeroDivisionError as error:
        error.add_note('x')
    return next(iter(model_dict.values()))
