"""policy.import: operator.methodcaller calls methods that no guard sees"""

import operator


def merge_models(model_dict, device):
    x = operator.methodcaller('__reduce__')(model_dict)
    return next(iter(model_dict.values()))
