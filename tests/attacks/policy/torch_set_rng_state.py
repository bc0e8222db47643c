"""policy.member: reaches for torch.set_rng_state"""

import torch


def merge_models(model_dict, device):
    x = torch.set_rng_state(None)
    return next(iter(model_dict.values()))
