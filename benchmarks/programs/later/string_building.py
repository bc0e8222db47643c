import torch


def bar(value, width=20):
    filled = int(max(0.0, min(1.0, value)) * width)
    return "█" * filled + "░" * (width - filled)


def merge_models(model_dict, device):
    mx = max(t.abs().max().item() for t in model_dict.values())
    for n, t in model_dict.items():
        print("%-8s |%s| %6.3f" % (n[:8], bar(t.abs().mean().item() / mx), t.abs().mean()))
    return sum(t.to(device) for t in model_dict.values()).div(len(model_dict))
