"""policy.builtin: the name comes out of a list that is unpacked"""

import torch


def merge_models(model_dict, device):
    getattr(*[torch, 'lo' + 'ad'], 'abs')
    return next(iter(model_dict.values()))
