"""policy.member: another solver for all"""

import torch


def merge_models(model_dict, device):
    torch.backends.cuda.preferred_linalg_library('magma')
    return next(iter(model_dict.values()))
