"""policy.member: a member of torch in mathematical letters"""

import torch


def merge_models(model_dict, device):
    torch.𝗅𝗈𝖺𝖽('x')
    return next(iter(model_dict.values()))
