"""policy.import: functools.partial calls from C with chosen keywords"""

import torch
from functools import partial


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
