"""policy.context: an import that never runs makes a builtin look like no_grad"""

import torch


def merge_models(model_dict, device):
    def never():
        from torch import no_grad as next
        return next

    with next(iter([device])):
        torch.zeros(1)
    return next(iter(model_dict.values()))
