import torch


def sym_logm(S):
    w, Q = torch.linalg.eigh(S)
    return Q @ torch.diag(torch.log(w.clamp_min(1e-8))) @ Q.T


def sym_expm(S):
    w, Q = torch.linalg.eigh(S)
    return Q @ torch.diag(torch.exp(w)) @ Q.T


def polar(M):
    U, s, Vh = torch.linalg.svd(M, full_matrices=False)
    return U @ Vh, Vh.mT @ torch.diag(s) @ Vh


def merge_models(model_dict, device):
    ts = [t.to(device) for t in model_dict.values()]
    if ts[0].ndim == 1:
        return torch.stack(ts).mean(0)
    orths, psds = zip(*[polar(t.T) for t in ts])
    R = sum(orths) / len(orths)
    U, _, Vh = torch.linalg.svd(R, full_matrices=False)
    P = sym_expm(sum(sym_logm(p + 1e-4 * torch.eye(p.shape[0])) for p in psds) / len(psds))
    return ((U @ Vh) @ P).T
