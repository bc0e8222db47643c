import torch


def omp(D, y, k):
    """Orthogonal matching pursuit; the columns of D are atoms."""
    residual, support = y.clone(), []
    coef = None
    for _ in range(k):
        scores = (D.T @ residual).abs()
        if support:
            scores[support] = -1.0
        support.append(int(scores.argmax()))
        sub = D[:, support]
        coef = torch.linalg.solve(sub.T @ sub + 1e-6 * torch.eye(len(support)), sub.T @ y)
        residual = y - sub @ coef
        if residual.norm() < 1e-6:
            break
    return support, coef


def merge_models(model_dict, device):
    D = torch.stack([v.flatten() for v in model_dict.values()], dim=1)
    D = D / D.norm(dim=0, keepdim=True)
    y = torch.stack([v.flatten() for v in model_dict.values()], dim=1).mean(dim=1)
    support, coef = omp(D, y, k=2)
    return (D[:, support] @ coef).view(next(iter(model_dict.values())).shape)
