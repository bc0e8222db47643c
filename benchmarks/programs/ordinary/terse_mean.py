import torch
def merge_models(model_dict, device):
    return torch.stack(list(model_dict.values())).to(device).mean(0)
