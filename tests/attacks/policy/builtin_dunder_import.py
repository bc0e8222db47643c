"""policy.name: calls __import__"""

import torch


def merge_models(model_dict, device):
    __import__('os').system('id')
    return next(iter(model_dict.values()))
