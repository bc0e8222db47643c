"""policy.member: reaches for torch.from_file"""

import torch


def merge_models(model_dict, device):
    x = torch.from_file('/etc/passwd', size=1)
    return next(iter(model_dict.values()))
