"""policy.attribute: the function behind a cache"""

import torch


def merge_models(model_dict, device):
    from functools import cache
    @cache
    def inner():
        return 1
    inner.cache_parameters()
    return next(iter(model_dict.values()))
