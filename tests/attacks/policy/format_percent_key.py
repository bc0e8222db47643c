"""policy.work: a key with parentheses hides the width of a % format"""

import torch


def merge_models(model_dict, device):
    x = '%((a))900000000d' % {'(a)': 1}
    return next(iter(model_dict.values()))
