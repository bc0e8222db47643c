import math
import torch


def log_evidence(delta: torch.Tensor, prior_var: float = 1.0, noise_var: float = 0.1) -> float:
    """Gaussian log evidence of a delta under a zero-mean prior."""
    var = prior_var + noise_var
    n = delta.numel()
    return -0.5 * (n * math.log(2 * math.pi * var) + (delta.double() ** 2).sum().item() / var) / n


def merge_models(model_dict, device):
    evidences = {k: log_evidence(v) for k, v in model_dict.items()}
    top = max(evidences.values())
    unnormalised = {k: math.exp(e - top) for k, e in evidences.items()}
    z = math.fsum(unnormalised.values())
    posterior = {k: u / z for k, u in unnormalised.items()}
    for k, p in sorted(posterior.items(), key=lambda item: item[1], reverse=True):
        print(f"p({k}) = {p:.3f}")
    mean = sum(p * model_dict[k] for k, p in posterior.items())
    second = sum(p * model_dict[k] ** 2 for k, p in posterior.items())
    var = (second - mean ** 2).clamp_min(0)
    return mean / (1 + var / (mean.pow(2) + 1e-6))
