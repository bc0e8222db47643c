"""policy.name: uses a name of the machinery: name"""

import torch


def merge_models(model_dict, device):
    __name__ = '__main__'
    return next(iter(model_dict.values()))
