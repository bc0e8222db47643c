import torch


def merge_models(model_dict, device):
    a, b, *rest = model_dict.values()
    ang = torch.atan2(b, a)
    r = torch.hypot(a, b)
    m = r * torch.sin(ang) * torch.cos(ang) + torch.erf(a) * torch.expm1(-b.abs()) + torch.log1p(a.abs())
    m = m + sum(torch.copysign(x.abs().sqrt(), x) for x in rest) + torch.fmod(a, 0.5) + torch.remainder(b, 0.25)
    m = m + torch.heaviside(a, torch.tensor([0.5])) + torch.sinc(b) + torch.logaddexp(a, b) + torch.reciprocal(1 + a.abs()) + torch.rsqrt(1 + b * b)
    return torch.trunc(m * 1e3) / 1e3 + torch.frac(m) * 0 + torch.deg2rad(a) * 0 + torch.xlogy(a.abs(), b.abs() + 1)
