"""policy.node: a class below a tensor"""

import torch


def merge_models(model_dict, device):
    class Attack(torch.Tensor):
        pass
    return next(iter(model_dict.values()))
