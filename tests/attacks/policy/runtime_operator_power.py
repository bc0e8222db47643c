"""runtime: operators as functions are bounded too"""

import operator


def merge_models(model_dict, device):
    power = operator.pow
    x = power(10, 10**9)
    return next(iter(model_dict.values()))
