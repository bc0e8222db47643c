import torch
import torch.nn.functional as F


def gaussian_kernel(size=3, sigma=1.0):
    ax = torch.arange(size, dtype=torch.float32) - size // 2
    g = torch.exp(-ax ** 2 / (2 * sigma ** 2))
    k = g[:, None] * g[None, :]
    return (k / k.sum()).view(1, 1, size, size)


def merge_models(model_dict, device):
    kernel = gaussian_kernel().to(device)
    ts = [t.to(device) for t in model_dict.values()]
    if ts[0].dim() != 2:
        return torch.stack(ts).mean(0)
    saliency = [F.conv2d(t.abs()[None, None], kernel, padding=1)[0, 0] for t in ts]
    w = F.softmax(torch.stack(saliency), dim=0)
    return (w * torch.stack(ts)).sum(0)
