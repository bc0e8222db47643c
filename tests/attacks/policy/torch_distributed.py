"""policy.member: reaches for torch.distributed.init_process_group"""

import torch


def merge_models(model_dict, device):
    x = torch.distributed.init_process_group()
    return next(iter(model_dict.values()))
