"""policy.attribute: an asynchronous generator's frame"""

import torch


def merge_models(model_dict, device):
    (x for x in []).ag_frame
    return next(iter(model_dict.values()))
