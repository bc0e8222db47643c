import torch

def merge_models(model_dict, device):
    T = torch.stack([t.flatten() for t in model_dict.values()])
    gram = torch.einsum('id,jd->ij', T, T)
    norm = torch.sqrt(torch.diag(gram))
    cosine = gram / (norm[:, None] * norm[None, :] + 1e-9)
    w = torch.clamp(cosine, min=0).sum(dim=1)
    w /= w.sum()
    merged = torch.einsum('i,id->d', w, T)
    return merged.view(*list(model_dict.values())[0].size())
