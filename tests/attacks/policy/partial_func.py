"""policy.attribute: takes a function out of a partial"""

from functools import partial


def merge_models(model_dict, device):
    x = partial(print, 1).func
    return next(iter(model_dict.values()))
