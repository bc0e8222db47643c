import torch


def lanczos(A, k, v0):
    alphas, betas, Q = [], [], [v0 / v0.norm()]
    beta, prev = 0.0, torch.zeros_like(v0)
    for j in range(k):
        w = A @ Q[-1] - beta * prev
        alpha = torch.dot(w, Q[-1])
        w = w - alpha * Q[-1]
        for q in Q:
            w = w - torch.dot(w, q) * q
        beta = w.norm()
        alphas.append(alpha)
        if beta < 1e-6:
            break
        betas.append(beta)
        prev = Q[-1]
        Q.append(w / beta)
    m = len(alphas)
    T = torch.diag(torch.stack(alphas))
    for i in range(m - 1):
        T[i, i + 1] = T[i + 1, i] = betas[i]
    return T, torch.stack(Q[:m], dim=1)


def merge_models(model_dict, device):
    V = torch.stack([v.flatten() for v in model_dict.values()])
    G = V @ V.T
    T, Q = lanczos(G, 3, torch.ones(G.shape[0]))
    vals, vecs = torch.linalg.eigh(T)
    lead = Q @ vecs[:, -1]
    w = lead / lead.sum()
    return (w @ V).reshape(list(model_dict.values())[0].shape).clamp(-10, 10)
