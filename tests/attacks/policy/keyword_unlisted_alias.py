"""runtime: an unlisted argument of a function out of a list"""

import torch


def merge_models(model_dict, device):
    def helper(output_size):
        return output_size

    pick = [torch.repeat_interleave][0]
    pick(torch.arange(3), torch.tensor([1, 2, 3]), output_size=1)
    return next(iter(model_dict.values()))
