import torch


def soft_rank(x, tau=0.1):
    diff = x.unsqueeze(-1) - x.unsqueeze(-2)
    return torch.sigmoid(diff / tau).sum(dim=-1)


def merge_models(model_dict, device):
    keys = sorted(model_dict)
    X = torch.stack([model_dict[k].to(device).flatten() for k in keys], dim=1)
    ranks = soft_rank(X.abs())
    weights = ranks / ranks.sum(dim=1, keepdim=True)
    fused = (weights * X).sum(dim=1)
    return fused.view(model_dict[keys[0]].shape)
