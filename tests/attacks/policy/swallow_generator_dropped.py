"""runtime: a generator that dies of a violation is thrown away"""

import torch


def merge_models(model_dict, device):
    def gen():
        try:
            yield [torch][0].clear
        finally:
            raise ValueError
    try:
        next(gen())
    except ValueError:
        pass
    return next(iter(model_dict.values()))
