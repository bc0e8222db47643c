"""runtime: calls the class of an exception that it may not name"""

import torch


def merge_models(model_dict, device):
    try:
        torch.linalg.inv(torch.zeros(2, 2))
    except Exception as error:
        type(error)('again')
    return next(iter(model_dict.values()))
