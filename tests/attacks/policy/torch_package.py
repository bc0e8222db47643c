"""policy.member: reaches for torch.package.PackageImporter"""

import torch


def merge_models(model_dict, device):
    x = torch.package.PackageImporter('x')
    return next(iter(model_dict.values()))
