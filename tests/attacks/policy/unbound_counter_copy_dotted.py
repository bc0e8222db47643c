"""policy.attribute: the same by the module's name"""

import collections


def merge_models(model_dict, device):
    collections.Counter.copy(list)('Attack', (), {})
    return next(iter(model_dict.values()))
