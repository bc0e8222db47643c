import torch


def merge_models(model_dict, device):
    keys = list(model_dict)
    n = len(keys)
    best, best_norm = None, float("-inf")
    for code in range(1, 2 ** n):
        subset = [keys[i] for i in range(n) if code >> i & 1]
        q, r = divmod(code, n)
        avg = sum(model_dict[k] for k in subset) / len(subset)
        score = avg.norm().item() * (1 + 0.01 * r - 0.001 * (q ^ r) + 0.0 * (code & ~1))
        if score > best_norm:
            best, best_norm = avg, score
    return best
