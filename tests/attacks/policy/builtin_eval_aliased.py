"""policy.builtin: hands eval to map"""

import torch


def merge_models(model_dict, device):
    list(map(eval, ['1']))
    return next(iter(model_dict.values()))
