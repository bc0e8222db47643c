"""runtime: repeats too often"""

import itertools


def merge_models(model_dict, device):
    times = 10**9
    x = list(itertools.repeat(0, times))
    return next(iter(model_dict.values()))
