"""policy.import: code behind what only looks like the main block"""

import torch


def merge_models(model_dict, device):
    pass
    return next(iter(model_dict.values()))


if __name__ != '__main__':
    import os
    os.system('id')
