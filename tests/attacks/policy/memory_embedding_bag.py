"""policy.member: indices and offsets into a table"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.embedding_bag(torch.tensor([9]), torch.ones(2, 2), torch.tensor([0]))
    return next(iter(model_dict.values()))
