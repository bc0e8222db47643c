"""runtime: the debug flag prints past the capture"""

import re


def merge_models(model_dict, device):
    x = re.compile('a', 128)
    return next(iter(model_dict.values()))
