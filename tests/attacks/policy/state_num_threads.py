"""policy.member: how many threads the machine has"""

import torch


def merge_models(model_dict, device):
    torch.get_num_threads()
    return next(iter(model_dict.values()))
