"""policy.attribute: the name of what is not its own"""

import torch


def merge_models(model_dict, device):
    print(torch.add.__name__.__class__)
    return next(iter(model_dict.values()))
