"""policy.name: uses a name of the machinery: import_hook"""

import torch


def merge_models(model_dict, device):
    __import__ = None
    return next(iter(model_dict.values()))
