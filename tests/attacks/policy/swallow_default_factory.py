"""runtime: a violation in a factory"""

import torch
from collections import defaultdict


def merge_models(model_dict, device):
    d = defaultdict(lambda: [torch][0].clear)
    try:
        d['x']
    except Exception:
        pass
    return next(iter(model_dict.values()))
