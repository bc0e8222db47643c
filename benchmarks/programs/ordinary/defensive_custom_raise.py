import torch


def ensure(condition, message="invariant violated"):
    if not condition:
        raise AssertionError(message)


def merge_models(model_dict, device):
    ensure(isinstance(model_dict, dict), "expected a dict")
    ensure(all(isinstance(k, str) for k in model_dict.keys()))
    values = [*model_dict.values()]
    ensure(len({v.shape for v in values}) == 1, "shapes must match")
    try:
        result = torch.lerp(values[0], values[-1], 0.5)
        if len(values) > 2:
            middle = torch.stack(values[1:-1]).mean(dim=0)
            result = result * 0.8 + middle * 0.2
    except RuntimeError:
        result = values[0].clone()
    else:
        ensure(result.shape == values[0].shape)
    return result
