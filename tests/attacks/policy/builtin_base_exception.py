"""policy.builtin: catches what ends the program"""

import torch


def merge_models(model_dict, device):
    try:
        x = 1
    except BaseException:
        pass
    return next(iter(model_dict.values()))
