import torch
from functools import reduce
from typing import Callable

Transform = Callable[[torch.Tensor], torch.Tensor]


def compose(*functions: Transform) -> Transform:
    return reduce(lambda f, g: lambda x: g(f(x)), functions, lambda x: x)


def scale(factor):
    return lambda x: x * factor


def clip(limit):
    return lambda x: x.clamp(-limit, limit)


def sparsify(fraction):
    def inner(x):
        cut = torch.quantile(x.abs().flatten(), fraction)
        return torch.where(x.abs() >= cut, x, torch.zeros_like(x))
    return inner


pipeline = compose(clip(2.0), sparsify(0.4), scale(1 / 0.6))


def merge_models(model_dict, device):
    return torch.stack([*map(pipeline, model_dict.values())]).mean(0)
