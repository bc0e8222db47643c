"""policy.format: a template with a private field, used later"""

import torch


def merge_models(model_dict, device):
    t = '{0.__class__}'
    x = t.format(1)
    return next(iter(model_dict.values()))
