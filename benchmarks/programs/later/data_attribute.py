import torch


def merge_models(model_dict, device):
    merged = None
    for name, param in model_dict.items():
        p = param.data.clone().to(device)
        merged = p if merged is None else merged + p
    return merged / len(model_dict)
