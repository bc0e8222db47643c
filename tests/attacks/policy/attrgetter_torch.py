"""policy.member: operator.attrgetter by way of torch"""

import torch


def merge_models(model_dict, device):
    torch.functional.operator.attrgetter('load')(torch)
    return next(iter(model_dict.values()))
