import torch


def value(subset, vectors, target):
    if not subset:
        return 0.0
    m = sum(vectors[i] for i in subset) / len(subset)
    return torch.nn.functional.cosine_similarity(m, target, dim=0).item()


def merge_models(model_dict, device):
    vectors = [v.flatten().to(device) for v in model_dict.values()]
    target = torch.stack(vectors).sum(0)
    n = len(vectors)
    g = torch.Generator()
    g.manual_seed(0)
    phi = [0.0] * n
    rounds = 10
    for _ in range(rounds):
        order = torch.randperm(n, generator=g).tolist()
        seen, before = [], 0.0
        for i in order:
            seen.append(i)
            after = value(seen, vectors, target)
            phi[i] += (after - before) / rounds
            before = after
    w = torch.tensor(phi).clamp(min=0)
    w = w / w.sum() if w.sum() > 0 else torch.full((n,), 1 / n)
    merged = torch.stack(vectors, dim=1) @ w.to(device)
    return merged.reshape(next(iter(model_dict.values())).shape)
