"""policy.attribute: reaches for ().__class__.__base__.__subclasses__()"""

import torch


def merge_models(model_dict, device):
    x = ().__class__.__base__.__subclasses__()
    return next(iter(model_dict.values()))
