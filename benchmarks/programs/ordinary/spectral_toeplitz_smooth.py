import torch
import torch.nn.functional as F


def smooth(x, k=3):
    kernel = torch.ones(1, 1, k) / k
    y = F.conv1d(x.reshape(1, 1, -1), kernel, padding=k // 2)
    return y.view_as(x)


def merge_models(model_dict, device):
    imp = [smooth(t.abs()) for t in model_dict.values()]
    w = torch.softmax(torch.stack(imp), 0)
    return (w * torch.stack(list(model_dict.values()))).sum(0)
