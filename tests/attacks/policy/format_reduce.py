"""policy.attribute: str.format handed to reduce"""

from functools import reduce


def merge_models(model_dict, device):
    reduce(str.format, ['{0.__class__}', 1])
    return next(iter(model_dict.values()))
