"""policy.member: the build's configuration"""

import torch


def merge_models(model_dict, device):
    torch.version.git_version
    return next(iter(model_dict.values()))
