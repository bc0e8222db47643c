"""policy.name: uses a name of the machinery: double_star"""

import torch


def merge_models(model_dict, device):
    def f(**_getattr_):
        return 1
    return next(iter(model_dict.values()))
