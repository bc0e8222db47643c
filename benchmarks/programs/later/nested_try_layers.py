import torch


def robust(fn, fallback):
    def run(*args):
        try:
            result = fn(*args)
        except (RuntimeError, ValueError) as err:
            print(f"{fn.__name__} failed with {err.__class__.__name__}; using {fallback.__name__}")
            result = fallback(*args)
        else:
            if not torch.isfinite(result).all():
                result = fallback(*args)
        return result
    return run


def whitening(ts):
    X = torch.stack([t.flatten() for t in ts])
    L = torch.linalg.cholesky(X @ X.T - 1e3 * torch.eye(len(ts)))
    return torch.linalg.solve(L, X).mean(0).view_as(ts[0])


def plain_mean(ts):
    return torch.stack(ts).mean(0)


def merge_models(model_dict, device):
    return robust(whitening, plain_mean)([t.to(device) for t in model_dict.values()])
