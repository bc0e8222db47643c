import torch


def merge_models(model_dict, device):
    X = torch.stack([t.flatten() for t in model_dict.values()]).double()
    Xc = X - X.mean(dim=1, keepdim=True)
    S = Xc @ Xc.T / X.shape[1] + 1e-4 * torch.eye(X.shape[0], dtype=torch.float64)
    L = torch.linalg.cholesky(S)
    W = torch.linalg.solve_triangular(L, Xc, upper=False)
    merged = W.mean(0) * L.diagonal().mean() + X.mean()
    return merged.float().reshape(next(iter(model_dict.values())).shape)
