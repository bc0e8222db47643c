"""syntax.encoding: a direction mark that hides what runs"""

import torch


def merge_models(model_dict, device):
    x = 'a‮'
    return next(iter(model_dict.values()))
