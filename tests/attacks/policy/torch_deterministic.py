"""policy.member: reaches for torch.use_deterministic_algorithms"""

import torch


def merge_models(model_dict, device):
    x = torch.use_deterministic_algorithms(False)
    return next(iter(model_dict.values()))
