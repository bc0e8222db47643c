"""policy.attribute: a module as a result"""

import torch


def merge_models(model_dict, device):
    def helper():
        return torch
    helper().hub
    return next(iter(model_dict.values()))
