from itertools import accumulate, chain, islice, zip_longest
import torch


def merge_models(model_dict, device):
    ts = list(model_dict.values())
    ema = list(accumulate(ts, lambda a, b: 0.6 * a + 0.4 * b))
    doubled = list(chain(ema, islice(ts, 1, None)))
    acc = torch.zeros_like(ts[0])
    for a, b in zip_longest(doubled[::2], doubled[1::2], fillvalue=acc):
        acc = acc + (a + b) / 2
    return acc / len(doubled)
