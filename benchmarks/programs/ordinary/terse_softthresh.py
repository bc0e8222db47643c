import torch
soft = lambda x, t: x.sign() * (x.abs() - t).relu()
def merge_models(model_dict, device):
    xs = torch.stack(list(model_dict.values()))
    return soft(xs, xs.abs().mean() * .1).sum(0) / len(xs) ** .5
