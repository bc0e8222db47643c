"""policy.node: match reads attributes without a guard"""

import torch


def merge_models(model_dict, device):
    match model_dict:
        case dict(items=i):
            pass
    return next(iter(model_dict.values()))
