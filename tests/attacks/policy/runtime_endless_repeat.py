"""runtime: repeats for ever"""

import itertools


def merge_models(model_dict, device):
    x = list(itertools.repeat([0]))
    return next(iter(model_dict.values()))
