"""policy.name: a default argument binds by assignment expression"""

import torch


def merge_models(model_dict, device):
    def helper(a=(_format_ := 1)):
        return a
    helper()
    return next(iter(model_dict.values()))
