"""runtime: pinned memory through a decorated function"""

import torch


def merge_models(model_dict, device):
    @torch.no_grad()
    def make(**options):
        return torch.zeros(2, **options)

    make(pin_memory=True)
    return next(iter(model_dict.values()))
