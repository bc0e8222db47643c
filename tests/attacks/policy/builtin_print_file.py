"""policy.keyword: prints through an object of its own"""

import torch


def merge_models(model_dict, device):
    print('x', file=model_dict)
    return next(iter(model_dict.values()))
