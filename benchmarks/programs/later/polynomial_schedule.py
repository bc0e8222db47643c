import torch


def horner(coefs, x):
    acc = 0.0
    for c in reversed(coefs):
        acc = acc * x + c
    return acc


COEFS = [0.3, 0.8, -0.5]


def merge_models(model_dict, device, layer=0, num_layers=1):
    x = (layer or 0) / max(1, num_layers - 1)
    lam = min(max(horner(COEFS, x), 0.1), 1.0)
    vs = list(model_dict.values())
    mixed = torch.zeros_like(vs[0])
    for i in range(0, len(vs), 2):
        pair = vs[i:i + 2]
        mixed += sum(pair) / len(pair)
    return lam * mixed / ((len(vs) + 1) // 2)
