import torch

STATES = ("explore", "exploit", "stop")


def next_state(state, improvement, patience):
    if state == "explore":
        return "exploit" if improvement < 1e-2 else "explore"
    if state == "exploit":
        return "stop" if patience <= 0 else "exploit"
    return "stop"


def cost(w, stack):
    merged = torch.einsum("m...,m->...", stack, w)
    return (merged - stack.median(dim=0).values).abs().mean().item()


def merge_models(model_dict, device, generator):
    stack = torch.stack(list(model_dict.values())).to(device)
    w = torch.ones(stack.shape[0], device=device) / stack.shape[0]
    best, state, patience, scale = cost(w, stack), "explore", 5, 0.5
    while state != "stop":
        noise = torch.randn(w.shape, generator=generator, device=device)
        trial = (w + scale * noise).clamp(min=0)
        trial /= trial.sum().clamp(min=1e-8)
        c = cost(trial, stack)
        improvement = best - c
        if improvement > 0:
            w, best = trial, c
        else:
            patience -= state == "exploit"
        scale *= 0.7 if state == "exploit" else 0.95
        state = next_state(state, improvement, patience)
        assert state in STATES
    return torch.einsum("m...,m->...", stack, w)
