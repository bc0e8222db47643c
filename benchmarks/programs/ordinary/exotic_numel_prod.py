import math
import torch


def merge_models(model_dict, device):
    t0 = next(iter(model_dict.values()))
    n = math.prod(t0.shape)
    fan = t0.shape[-1] if t0.dim() else 1
    gain = 1 / math.sqrt(fan) if fan else 1.0
    bound = math.sqrt(6 / (n + fan)) * math.log1p(n) * math.e
    s = sum(model_dict.values())
    return torch.tanh(s * gain) * bound + s * math.pow(0.5, 2) * math.floor(1.5) / math.ceil(2.2)
