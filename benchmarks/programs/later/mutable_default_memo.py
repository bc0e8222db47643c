import torch


def fib_weights(n, memo={0: 1, 1: 1}):
    if n not in memo:
        memo[n] = fib_weights(n - 1) + fib_weights(n - 2)
    return memo[n]


def merge_models(model_dict, device):
    raw = [fib_weights(i) for i in range(len(model_dict))]
    total = float(sum(raw))
    out = torch.zeros_like(next(iter(model_dict.values())))
    for w, (k, v) in zip(raw, model_dict.items()):
        out.add_(v, alpha=w / total)
    return out
