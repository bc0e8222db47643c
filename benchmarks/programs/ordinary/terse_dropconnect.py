import torch
def merge_models(model_dict, device, generator):
    o = None
    for i, (k, v) in enumerate(model_dict.items()):
        m = torch.rand(v.shape, generator=generator, device=device) < .7
        t = v * m / .7
        o = t if o is None else o + t
    return o / (i + 1)
