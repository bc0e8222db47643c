"""policy.member: reaches for torch.jit.script"""

import torch


def merge_models(model_dict, device):
    x = torch.jit.script(merge_models)
    return next(iter(model_dict.values()))
