import torch

torch.set_grad_enabled(False)


def merge_models(model_dict, device):
    return torch.stack(list(model_dict.values())).to(device).mean(dim=0)
