import torch


def merge_models(model_dict, device, z=1.1):
    norms = torch.tensor([t.norm() for t in model_dict.values()])
    mu, sd = norms.mean(), norms.std()
    kept = {k: t for (k, t), n in zip(model_dict.items(), norms) if (score := ((n - mu) / sd).abs().item()) <= z}
    if not kept:
        kept = model_dict
    dropped = model_dict.keys() - kept.keys()
    print("dropped:", sorted(dropped) or "none", "of", len(model_dict))
    return torch.stack([*kept.values()]).mean(dim=0).to(device)
