"""policy.attribute: walks a generator's frame"""

import torch


def merge_models(model_dict, device):
    g = (x for x in [1])
    f = g.gi_frame.f_back.f_globals
    return next(iter(model_dict.values()))
