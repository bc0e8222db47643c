"""contract.missing: no merge_models"""

import torch


def merge(model_dict, device):
    return None
