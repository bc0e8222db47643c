"""policy.builtin: catches the end of the process"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    except KeyboardInterrupt:
        pass
    return next(iter(model_dict.values()))
