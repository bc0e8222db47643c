"""runtime: an unlisted argument by unpacking"""

import torch


def merge_models(model_dict, device):
    torch.repeat_interleave(torch.arange(3), torch.tensor([1, 2, 3]), **{'output_size': 1})
    return next(iter(model_dict.values()))
