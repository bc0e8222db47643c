"""policy.import: the debug flag prints past the capture"""

import re


def merge_models(model_dict, device):
    x = re.compile('a', re.DEBUG)
    return next(iter(model_dict.values()))
