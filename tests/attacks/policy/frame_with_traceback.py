"""policy.attribute: with_traceback returns the exception with its frames"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ZeroDivisionError as e:
        e.with_traceback(None)
    return next(iter(model_dict.values()))
