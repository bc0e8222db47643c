"""policy.member: labels used as indices"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.ctc_loss(torch.ones(1, 1, 1), torch.tensor([9]), [1], [1])
    return next(iter(model_dict.values()))
