"""policy.node: except* around a violation"""

import torch


def merge_models(model_dict, device):
    try:
        [torch][0].clear()
    except* Exception:
        pass
    return next(iter(model_dict.values()))
