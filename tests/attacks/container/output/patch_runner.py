"""Turns off the runner's own checks, and returns NaN.

Expected: verify not_finite
"""

import sys

import torch


def merge_models(model_dict, device):
    execute = sys.modules["sandbox_image.execute"]
    execute.require_finite = lambda tensor, name: None
    return torch.full_like(next(iter(model_dict.values())), float("nan"))
