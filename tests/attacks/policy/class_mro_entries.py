"""policy.attribute: an alias resolves to its classes"""

import torch


def merge_models(model_dict, device):
    list[int].__mro_entries__(())
    return next(iter(model_dict.values()))
