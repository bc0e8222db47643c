"""policy.node: a class pattern reads attributes"""

import torch


def merge_models(model_dict, device):
    match model_dict:
        case dict(__class__=kind):
            print(kind)
    return next(iter(model_dict.values()))
