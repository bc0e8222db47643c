"""runtime: a template made of character codes"""

import torch


def merge_models(model_dict, device):
    template = ''.join(map(chr, [123, 48, 46, 97, 114, 103, 115, 125]))
    print(template.format(ValueError(1)))
    return next(iter(model_dict.values()))
