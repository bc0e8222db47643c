import torch


def merge_models(model_dict, device):
    ts = torch.stack(list(model_dict.values()))
    mean, std = ts.mean(0), ts.std(0)
    unstable = std > std.mean()
    mean[unstable] = 0.5 * mean[unstable]
    mean[mean.abs() < 1e-4] = 0.0
    mean[0] = ts[:, 0].sum(0) / len(ts)
    return mean
