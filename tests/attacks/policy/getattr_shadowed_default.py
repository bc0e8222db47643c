"""runtime: a default does not hide a violation"""

import torch


def merge_models(model_dict, device):
    def unused(getattr):
        return getattr

    print(getattr(model_dict, '__class__', None))
    return next(iter(model_dict.values()))
