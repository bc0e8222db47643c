import torch


def merge_models(model_dict, device):
    ts = list(model_dict.values())
    n = len(ts)
    K = torch.tensor([[torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).item() for b in ts] for a in ts])
    rows = [sum(K[i][j] for j in range(n) if j != i) for i in range(n)]
    w = torch.stack(rows).softmax(dim=0)
    flat = [x for pair in zip(w.tolist(), range(n)) for x in pair]
    return sum(flat[2 * i] * ts[i] for i in range(n))
