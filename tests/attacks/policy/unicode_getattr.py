"""policy.builtin: getattr in full-width letters with a computed name"""

import torch


def merge_models(model_dict, device):
    ｇetattr(torch, 'lo' + 'ad')
    return next(iter(model_dict.values()))
