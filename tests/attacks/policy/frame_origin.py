"""policy.attribute: a coroutine's origin"""

import torch


def merge_models(model_dict, device):
    (x for x in []).cr_origin
    return next(iter(model_dict.values()))
