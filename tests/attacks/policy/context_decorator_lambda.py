"""policy.context: a lambda as decorator"""

import torch


def merge_models(model_dict, device):
    @(lambda f: f)
    def inner():
        return 1
    inner()
    return next(iter(model_dict.values()))
