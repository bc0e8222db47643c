"""policy.member: quantized tensors"""

import torch


def merge_models(model_dict, device):
    torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.float32)
    return next(iter(model_dict.values()))
