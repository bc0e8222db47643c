"""runtime: a bare except around a violation"""

import torch


def merge_models(model_dict, device):
    t = '{' + '0.real}'
    try:
        t.format(1)
    except:
        pass
    return next(iter(model_dict.values()))
