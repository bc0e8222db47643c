"""policy.attribute: a coroutine's frame"""

import torch


def merge_models(model_dict, device):
    (x for x in []).cr_frame
    return next(iter(model_dict.values()))
