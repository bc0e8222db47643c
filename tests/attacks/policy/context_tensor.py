"""policy.context: enters a tensor"""

import torch


def merge_models(model_dict, device):
    with next(iter(model_dict.values())):
        pass
    return next(iter(model_dict.values()))
