import torch


def rsvd(A, k, generator=None, oversample=2, n_iter=2):
    m, n = A.shape
    omega = torch.randn(n, min(k + oversample, n), generator=generator, device=A.device, dtype=A.dtype)
    Y = A @ omega
    for _ in range(n_iter):
        Y = A @ (A.T @ Y)
    Q, _ = torch.linalg.qr(Y)
    B = Q.T @ A
    u, s, vh = torch.linalg.svd(B, full_matrices=False)
    return (Q @ u)[:, :k], s[:k], vh[:k]


def merge_models(model_dict, device, generator=None):
    mats = [t.to(device).reshape(t.shape[0], -1) for t in model_dict.values()]
    mean = sum(mats) / len(mats)
    u, s, vh = rsvd(mean, k=min(2, *mean.shape), generator=generator)
    low = (u * s) @ vh
    residual = torch.stack([m - low for m in mats])
    return (low + 0.5 * residual.mean(0)).reshape(next(iter(model_dict.values())).shape)
