"""policy.context: saves and restores the process's generators"""

import torch


def merge_models(model_dict, device):
    with torch.random.fork_rng():
        pass
    return next(iter(model_dict.values()))
