"""runtime: a generator that yields in finally"""

import torch


def merge_models(model_dict, device):
    def gen():
        try:
            [torch][0].clear()
        finally:
            yield 1
    for value in gen():
        break
    return next(iter(model_dict.values()))
