"""policy.attribute: a module as an argument"""

import torch


def merge_models(model_dict, device):
    def helper(module):
        return module.load('x')
    helper(torch)
    return next(iter(model_dict.values()))
