"""policy.member: reaches for torch.sparse_coo_tensor"""

import torch


def merge_models(model_dict, device):
    x = torch.sparse_coo_tensor([[9]], [1.0], (1,))
    return next(iter(model_dict.values()))
