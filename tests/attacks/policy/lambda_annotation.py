"""policy.node: a call in the annotation of a star parameter"""

import torch


def merge_models(model_dict, device):
    def helper(*args: print('x')):
        return args
    helper()
    return next(iter(model_dict.values()))
