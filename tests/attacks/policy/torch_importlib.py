"""policy.member: reaches for torch.importlib.import_module"""

import torch


def merge_models(model_dict, device):
    x = torch.importlib.import_module('os')
    return next(iter(model_dict.values()))
