"""runtime: a key with parentheses hides the width of a % format"""

import torch


def merge_models(model_dict, device):
    template = '%((a))900000000d'
    x = template % {'(a)': 1}
    return next(iter(model_dict.values()))
