"""runtime: a class hands out descriptors instead of values"""

import torch


def merge_models(model_dict, device):
    kinds = [int]
    read = kinds[0].real
    print(read)
    return next(iter(model_dict.values()))
