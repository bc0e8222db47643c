"""policy.import: a handler opens a file"""

import logging


def merge_models(model_dict, device):
    x = logging.FileHandler('/tmp/x')
    return next(iter(model_dict.values()))
