"""runtime: a template joined from pieces reads a private attribute"""

import torch


def merge_models(model_dict, device):
    template = ''.join(['{0.', '__class__', '}'])
    print(template.format(1))
    return next(iter(model_dict.values()))
