"""policy.import: string.Template"""

import torch


def merge_models(model_dict, device):
    from string import Template
    Template('$x').substitute(x=1)
    return next(iter(model_dict.values()))
