import torch

def fft_blend(a, b, cutoff=0.3):
    fa, fb = torch.fft.rfft(a.flatten()), torch.fft.rfft(b.flatten())
    n = fa.shape[0]
    k = max(1, int(n * cutoff))
    out = fa.clone()
    out[k:] = 0.5 * (fa[k:] + fb[k:])
    return torch.fft.irfft(out, n=a.numel()).reshape(a.shape)

def merge_models(model_dict, device):
    keys = sorted(model_dict, key=lambda k: model_dict[k].norm().item(), reverse=True)
    merged = model_dict[keys[0]].to(device)
    for k in keys[1:]:
        merged = fft_blend(merged, model_dict[k].to(device))
    return merged
