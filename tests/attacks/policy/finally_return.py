"""policy.finally: finally swallows what ends the program"""

import torch


def merge_models(model_dict, device):
    try:
        return 1
    finally:
        return 2
