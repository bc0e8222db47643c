"""policy.work: a factorial of a million"""

import torch
import math


def merge_models(model_dict, device):
    x = math.factorial(10**6)
    return next(iter(model_dict.values()))
