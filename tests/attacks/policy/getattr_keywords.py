"""policy.builtin: the name comes out of a dict that is unpacked"""

import torch


def merge_models(model_dict, device):
    getattr(torch, **{'name': 'load'})
    return next(iter(model_dict.values()))
