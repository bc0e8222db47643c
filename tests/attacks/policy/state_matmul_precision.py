"""policy.member: the precision of products"""

import torch


def merge_models(model_dict, device):
    torch.set_float32_matmul_precision('medium')
    return next(iter(model_dict.values()))
