"""runtime: goes round for ever"""

import itertools


def merge_models(model_dict, device):
    x = all(itertools.cycle([1]))
    return next(iter(model_dict.values()))
