"""policy.context: a generator of its own as context"""

import torch


def merge_models(model_dict, device):
    def gen():
        yield 1
    with gen() as value:
        pass
    return next(iter(model_dict.values()))
