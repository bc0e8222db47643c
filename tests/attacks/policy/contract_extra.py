"""contract.parameters: a parameter that nobody supplies"""

import torch


def merge_models(model_dict, device, tokenizer):
    return None
