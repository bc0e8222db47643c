"""policy.attribute: the same from a name of its own"""

from collections import Counter


def merge_models(model_dict, device):
    kind = Counter
    kind.copy(list)('Attack', (), {})
    return next(iter(model_dict.values()))
