"""policy.builtin: compatibility characters spell open"""

import torch


def merge_models(model_dict, device):
    ｏｐｅｎ('1')
    return next(iter(model_dict.values()))
