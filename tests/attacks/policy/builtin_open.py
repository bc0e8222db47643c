"""policy.builtin: calls open"""

import torch


def merge_models(model_dict, device):
    x = open('/etc/passwd').read()
    return next(iter(model_dict.values()))
