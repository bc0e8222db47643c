import torch


def merge_models(model_dict, device):
    ts = list(model_dict.values())
    small = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    n = ts[0].shape[-1]
    K = torch.kron(small, torch.eye((n + 1) // 2))[:n, :n]
    K = K / K.sum(dim=-1, keepdim=True)
    return torch.stack([t @ K for t in ts]).mean(dim=0)
