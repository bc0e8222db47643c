"""policy.finally: continue in finally"""

import torch


def merge_models(model_dict, device):
    for i in range(2):
        try:
            [torch][0].clear()
        finally:
            continue
    return next(iter(model_dict.values()))
