"""policy.member: reaches for torch.cuda.memory.CUDAPluggableAllocator"""

import torch


def merge_models(model_dict, device):
    x = torch.cuda.memory.CUDAPluggableAllocator('x', 'y', 'z')
    return next(iter(model_dict.values()))
