"""policy.attribute: format_map reads attributes"""

import torch


def merge_models(model_dict, device):
    '{x.__class__}'.format_map({'x': 1})
    return next(iter(model_dict.values()))
