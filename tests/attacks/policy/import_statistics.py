"""policy.import: imports statistics"""

import statistics

import torch


def merge_models(model_dict, device):
    x = statistics.median([1.0, 2.0])
    return next(iter(model_dict.values()))
