"""runtime: hasattr does not hide a violation"""

import torch


def merge_models(model_dict, device):
    def unused(hasattr):
        return hasattr

    print(hasattr(model_dict, '__class__'))
    return next(iter(model_dict.values()))
