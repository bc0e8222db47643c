"""policy.import: a member imported in script letters"""

import torch


def merge_models(model_dict, device):
    from torch import 𝓈𝒶𝓋ℯ
    𝓈𝒶𝓋ℯ(1, 'x')
    return next(iter(model_dict.values()))
