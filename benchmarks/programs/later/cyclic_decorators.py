import torch


def traced(label=None):
    def wrap(fn):
        calls = [0]

        def inner(*args, **kwargs):
            calls[0] += 1
            out = fn(*args, **kwargs)
            print(f"{label or fn.__name__} call #{calls[0]}")
            return out
        return inner
    return wrap


@traced()
def shrink(x, factor=0.9):
    return x * factor


@traced(label="mix")
def mix(a, b, *, ratio=0.5):
    return a * ratio + b * (1 - ratio)


@torch.no_grad()
def merge_models(model_dict, device):
    it = iter(model_dict.items())
    _, acc = next(it)
    for index, (_, t) in enumerate(it, start=1):
        acc = mix(acc, t.to(device), ratio=index / (index + 1))
    return shrink(acc, factor=0.95)
