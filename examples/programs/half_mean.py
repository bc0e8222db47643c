import torch


def merge_models(model_dict, device):
    return 0.5 * torch.stack(list(model_dict.values())).mean(dim=0)
