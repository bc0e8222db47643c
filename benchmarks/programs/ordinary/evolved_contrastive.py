import torch

alpha, beta = 1.0, 0.25

def merge_models(model_dict, device):
    tensors = {k: v.to(device) for k, v in model_dict.items()}
    common = torch.mean(torch.stack(list(tensors.values())), dim=0)
    unique = {k: v - common for k, v in tensors.items()}
    projections = {}
    for k, u in unique.items():
        others = [w for kk, w in unique.items() if kk != k]
        for o in others:
            coef = (u * o).sum() / ((o * o).sum() + 1e-10)
            if coef < 0:
                u = u - coef * o
        projections[k] = u
    return alpha * common + beta * sum(projections.values())
