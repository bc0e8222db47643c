"""policy.import: operators as functions are not bounded"""

import operator


def merge_models(model_dict, device):
    power = operator.pow
    x = power(10, 10**9)
    return next(iter(model_dict.values()))
