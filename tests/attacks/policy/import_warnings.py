"""policy.import: writes past the capture"""

import warnings

import torch


def merge_models(model_dict, device):
    warnings.warn('text')
    return next(iter(model_dict.values()))
