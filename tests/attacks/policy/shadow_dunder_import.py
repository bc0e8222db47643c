"""policy.name: defines __import__"""

import torch


def merge_models(model_dict, device):
    def __import__(name):
        return name
    return next(iter(model_dict.values()))
