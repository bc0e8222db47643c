"""policy.member: a distance that is any function"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.triplet_margin_with_distance_loss(torch.ones(1), torch.ones(1), torch.ones(1), distance_function=print)
    return next(iter(model_dict.values()))
