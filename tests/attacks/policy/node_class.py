"""policy.node: class with methods that C code would call"""

import torch


def merge_models(model_dict, device):
    class T:
        def __getattr__(self, n):
            return 1
    return next(iter(model_dict.values()))
