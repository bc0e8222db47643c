import torch


def tt_round(matrix, eps=1e-1):
    """Truncate singular values below a relative Frobenius error."""
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    tail = torch.flip(torch.cumsum(torch.flip(s ** 2, [0]), 0), [0]).sqrt()
    rank = int((tail > eps * s.norm()).sum().item())
    rank = max(1, rank)
    return (u[:, :rank] * s[:rank].unsqueeze(0)) @ vh[:rank]


def merge_models(model_dict, device):
    out = None
    for i, tensor in enumerate(model_dict.values()):
        m = tensor.to(device)
        shape = m.shape
        m2 = m.reshape(shape[0], -1) if m.dim() > 1 else m.reshape(1, -1)
        r = tt_round(m2).reshape(shape)
        out = r if out is None else out + (r - out) / (i + 1)
    return out
