import torch

counter = 0


def bump():
    global counter
    counter += 1
    return counter


def merge_models(model_dict, device):
    global counter
    counter = 0
    return sum(t / bump() for t in model_dict.values())
