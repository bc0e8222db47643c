"""runtime: a parameter elsewhere hides that getattr is the builtin"""

import torch


def merge_models(model_dict, device):
    def unused(getattr):
        return getattr

    print(getattr([torch][0], 'lo' + 'ad'))
    return next(iter(model_dict.values()))
