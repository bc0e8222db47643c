"""policy.member: reaches for torch.classes.load_library"""

import torch


def merge_models(model_dict, device):
    x = torch.classes.load_library('/tmp/x.so')
    return next(iter(model_dict.values()))
