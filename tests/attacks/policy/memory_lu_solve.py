"""policy.member: pivots that nobody checks"""

import torch


def merge_models(model_dict, device):
    torch.linalg.lu_solve(torch.eye(2), torch.tensor([9, 9], dtype=torch.int32), torch.eye(2))
    return next(iter(model_dict.values()))
