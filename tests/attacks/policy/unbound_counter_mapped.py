"""runtime: the same from C, from a class in a list"""

from collections import Counter


def merge_models(model_dict, device):
    kinds = [Counter]
    make = next(map(kinds[0].copy, [list]))
    make('Attack', (), {})
    return next(iter(model_dict.values()))
