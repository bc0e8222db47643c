"""policy.node: metaclass"""

import torch


def merge_models(model_dict, device):
    class T(metaclass=dict):
        pass
    return next(iter(model_dict.values()))
