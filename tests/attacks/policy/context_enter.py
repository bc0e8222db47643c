"""policy.attribute: enters a context by hand and never leaves it"""

import torch


def merge_models(model_dict, device):
    torch.inference_mode().__enter__()
    return next(iter(model_dict.values()))
