"""Hangs in the destructor of what it returns.

Expected: run timeout
"""

import time

import torch


class Sticky(torch.Tensor):
    def __del__(self):
        time.sleep(600)


def merge_models(model_dict, device):
    return (sum(model_dict.values()) / len(model_dict)).as_subclass(Sticky)
