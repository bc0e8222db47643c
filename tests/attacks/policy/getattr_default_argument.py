"""policy.builtin: getattr as a default argument"""

import torch


def merge_models(model_dict, device):
    def helper(reach=getattr):
        return reach(torch, 'load')
    helper()
    return next(iter(model_dict.values()))
