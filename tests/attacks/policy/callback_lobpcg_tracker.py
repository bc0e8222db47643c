"""policy.member: a tracker is called with the solver's state"""

import torch


def merge_models(model_dict, device):
    torch.lobpcg(torch.eye(9), k=1, tracker=print)
    return next(iter(model_dict.values()))
