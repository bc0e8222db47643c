"""policy.import: takes system from os"""

import torch
from os import system as total


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
