import random
import torch


def merge_models(model_dict, device):
    rng = random.Random(42)
    keys = sorted(model_dict)
    rng.shuffle(keys)
    acc = model_dict[keys[0]].to(device)
    for k in keys[1:]:
        acc = 0.5 * (acc + model_dict[k].to(device))
    return acc
