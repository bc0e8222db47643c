"""policy.keyword: a parameter of its own lends its name to a call of torch"""

import torch


def merge_models(model_dict, device):
    def helper(output_size):
        return output_size

    torch.repeat_interleave(torch.arange(3), torch.tensor([1, 2, 3]), output_size=1)
    return next(iter(model_dict.values()))
