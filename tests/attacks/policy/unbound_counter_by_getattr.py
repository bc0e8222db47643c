"""policy.attribute: the same with getattr"""

from collections import Counter


def merge_models(model_dict, device):
    getattr(Counter, 'copy')(list)('Attack', (), {})
    return next(iter(model_dict.values()))
