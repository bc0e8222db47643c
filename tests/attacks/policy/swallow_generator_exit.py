"""policy.builtin: raises the end of a generator"""

import torch


def merge_models(model_dict, device):
    raise GeneratorExit
    return next(iter(model_dict.values()))
