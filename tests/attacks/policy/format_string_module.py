"""policy.import: string.Formatter reads attributes"""

import torch


def merge_models(model_dict, device):
    import string
    string.Formatter().format('{0.__class__}', 1)
    return next(iter(model_dict.values()))
