"""policy.attribute: AttributeError holds the object it was about"""

import torch


def merge_models(model_dict, device):
    try:
        model_dict.foo
    except AttributeError as e:
        x = e.obj
    return next(iter(model_dict.values()))
