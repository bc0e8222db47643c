"""policy.context: the profiler writes files"""

import torch


def merge_models(model_dict, device):
    with torch.autograd.profiler.profile():
        pass
    return next(iter(model_dict.values()))
