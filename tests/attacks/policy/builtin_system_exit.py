"""policy.builtin: ends the process"""

import torch


def merge_models(model_dict, device):
    raise SystemExit(0)
