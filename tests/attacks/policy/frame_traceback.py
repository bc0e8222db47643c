"""policy.attribute: walks a traceback"""

import torch


def merge_models(model_dict, device):
    try:
        1 / 0
    except ZeroDivisionError as e:
        f = e.__traceback__.tb_frame.f_back
    return next(iter(model_dict.values()))
