"""policy.builtin: compatibility characters spell exec"""

import torch


def merge_models(model_dict, device):
    𝐞𝐱𝐞𝐜('1')
    return next(iter(model_dict.values()))
