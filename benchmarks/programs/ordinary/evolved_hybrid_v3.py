import torch

# Generation 3: combine the magnitude-weighted approach (gen 1) with the
# cosine-gated approach (gen 2), and introduce momentum over models.

def l2(x): return torch.sqrt(torch.sum(x ** 2))

def magnitude_weights(xs):
    ns = torch.stack([l2(x) for x in xs])
    return ns / ns.sum()

def cosine_gate(x, ref):
    c = torch.nn.functional.cosine_similarity(x.reshape(1, -1), ref.reshape(1, -1))
    return torch.sigmoid(4 * c).squeeze()

def momentum_merge(xs, ws, beta=0.3):
    velocity = torch.zeros_like(xs[0])
    merged = torch.zeros_like(xs[0])
    for x, w in zip(xs, ws):
        velocity = beta * velocity + w * x
        merged = merged + velocity
    return merged

def merge_models(model_dict, device):
    xs = [model_dict[k].to(device) for k in model_dict]
    ref = torch.mean(torch.stack(xs), dim=0)
    ws = magnitude_weights(xs)
    gates = torch.stack([cosine_gate(x, ref) for x in xs])
    ws = ws * gates
    ws = ws / (ws.sum() + 1e-8)
    merged = momentum_merge(xs, ws)
    scale = ref.norm() / (merged.norm() + 1e-8)
    return merged * torch.clamp(scale, 0.5, 2.0)
