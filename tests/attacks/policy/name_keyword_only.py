"""policy.name: uses a name of the machinery: keyword_only"""

import torch


def merge_models(model_dict, device):
    def f(*, _getattr_=None):
        return 1
    return next(iter(model_dict.values()))
