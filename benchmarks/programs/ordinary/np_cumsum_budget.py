import torch

def merge_models(model_dict, device):
    merged = torch.zeros_like(list(model_dict.values())[0])
    for name, vec in model_dict.items():
        flat = vec.reshape(-1)
        energy = flat ** 2
        order = torch.argsort(energy, descending=True)
        share = torch.cumsum(energy[order], 0) / energy.sum()
        keep = order[: int((share < 0.9).sum()) + 1]
        sparse = torch.zeros_like(flat)
        sparse[keep] = flat[keep]
        merged = merged + sparse.reshape(vec.shape)
    return merged / len(model_dict)
