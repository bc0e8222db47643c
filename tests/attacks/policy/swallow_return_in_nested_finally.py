"""policy.finally: a return deep in finally"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    finally:
        for i in [1]:
            if i:
                return 1
    return next(iter(model_dict.values()))
