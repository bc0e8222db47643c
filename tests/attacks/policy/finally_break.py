"""policy.finally: break in finally swallows too"""

import torch


def merge_models(model_dict, device):
    for i in [1]:
        try:
            x = 1
        finally:
            break
    return next(iter(model_dict.values()))
