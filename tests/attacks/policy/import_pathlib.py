"""policy.import: imports pathlib"""

import pathlib
import torch


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
