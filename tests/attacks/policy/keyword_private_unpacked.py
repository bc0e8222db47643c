"""runtime: an argument for the library's own use, by unpacking"""

import torch
import torch.nn.functional as F


def merge_models(model_dict, device):
    F.softmax(torch.ones(2), 0, **{'_stacklevel': 5})
    return next(iter(model_dict.values()))
