"""policy.builtin: compatibility characters spell eval"""

import torch


def merge_models(model_dict, device):
    𝑒𝓋𝒶𝓁('1')
    return next(iter(model_dict.values()))
