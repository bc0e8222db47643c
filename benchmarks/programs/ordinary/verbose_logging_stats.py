import torch

VERBOSE = True


def _log(message, *args):
    """Print a message when verbosity is on."""
    if VERBOSE:
        print("[merge] " + message % args)


def describe(name, tensor):
    """Print basic statistics about a tensor."""
    _log("%s: mean=%.5f std=%.5f min=%.5f max=%.5f", name, tensor.mean().item(), tensor.std().item(), tensor.min().item(), tensor.max().item())


def merge_models(model_dict, device):
    print("=" * 60)
    print("Starting merge on device:", device)
    for name, tensor in model_dict.items():
        describe(name, tensor)
    tensors = [t.to(device) for t in model_dict.values()]
    merged = sum(tensors) / len(tensors)
    describe("merged", merged)
    print("=" * 60, end="\n\n")
    return merged
