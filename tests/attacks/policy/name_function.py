"""policy.name: uses a name of the machinery: function"""

import torch


def merge_models(model_dict, device):
    def _getitem_(a, b):
        return a
    return next(iter(model_dict.values()))
