import torch


def get_layer_index(name):
    parts = name.split(".")
    for i, part in enumerate(parts):
        if part in ("layers", "h", "blocks"):
            try:
                return int(parts[i + 1])
            except (IndexError, ValueError):
                return None
    return None


def merge_models(model_dict, device, name="", num_layers=None):
    idx = get_layer_index(name)
    depth = num_layers or 32
    if idx is None:
        ratio = 0.5
    else:
        ratio = max(0.0, min(1.0, idx / max(1, depth - 1)))
    tensors = list(model_dict.values())
    try:
        first, second = tensors[0], tensors[1]
    except IndexError:
        return tensors[0]
    rest = tensors[2:]
    merged = (1 - ratio) * first + ratio * second
    if rest:
        merged = 0.7 * merged + 0.3 * torch.stack(rest).mean(dim=0)
    return merged
