import torch

SUFFIXES = {"weight": 1.0, "bias": 0.5}


def parse(name):
    pieces = name.split(".")
    info = {"depth": None, "block": "other", "kind": pieces[-1]}
    for piece in pieces:
        if piece.isnumeric():
            info["depth"] = int(piece)
        elif piece in ("mlp", "self_attn", "attention"):
            info["block"] = piece
    return info


def merge_models(model_dict, device, name):
    info = parse(name)
    factor = SUFFIXES.get(info["kind"], 0.8)
    factor *= {"mlp": 1.0, "self_attn": 0.9}.get(info["block"], 0.7)
    if (depth := info["depth"]) is not None:
        factor *= 1 - 0.01 * (depth % 10)
    print("{block}/{kind}@{depth}: {f:.3f}".format(f=factor, **info))
    return factor * torch.stack([*model_dict.values()]).mean(dim=0)
