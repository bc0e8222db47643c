"""Returns nothing: the result is the seed, byte for byte.

Expected: verify identical_to_seed
"""

import torch


def merge_models(model_dict, device):
    return torch.zeros_like(next(iter(model_dict.values())))
