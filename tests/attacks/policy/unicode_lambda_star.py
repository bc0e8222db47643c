"""policy.name: star parameters of a lambda that bind guards"""

import torch


def merge_models(model_dict, device):
    (lambda *_ｍul_, **_ｐow_: 1)()
    return next(iter(model_dict.values()))
