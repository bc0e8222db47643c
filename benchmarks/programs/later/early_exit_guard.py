import torch
import torch.nn.functional as F


def merge_models(model_dict, device, name=None, layer=None, num_layers=None):
    tensors = [t.to(device).float() for t in model_dict.values()]
    if len(tensors) == 1:
        return tensors[0]
    if name is not None and any(token in name for token in ("embed", "lm_head")):
        return torch.stack(tensors).mean(0)
    if all(torch.allclose(tensors[0], t) for t in tensors[1:]):
        return tensors[0].clone()
    sims = torch.stack([F.cosine_similarity(a.flatten(), b.flatten(), dim=0, eps=1e-8) for i, a in enumerate(tensors) for b in tensors[i + 1:]])
    diversity = 1 - sims.mean()
    depth = 0.5 if layer is None or not num_layers else (layer + 1) / num_layers
    alpha = torch.clamp(0.4 + 0.3 * diversity + 0.2 * depth, 0.1, 1.0)
    head, *tail = tensors
    acc = head
    for t in tail:
        acc = torch.lerp(acc, t, alpha.item() / len(tensors))
    return acc
