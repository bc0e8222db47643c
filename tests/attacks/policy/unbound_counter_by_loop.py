"""runtime: the same from a class that the text does not tell"""

from collections import Counter


def merge_models(model_dict, device):
    for kind in [Counter]:
        kind.copy(list)('Attack', (), {})
    return next(iter(model_dict.values()))
