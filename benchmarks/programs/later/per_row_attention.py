import math
import torch


def merge_models(model_dict, device):
    stack = torch.stack([m.to(device) for m in model_dict.values()], dim=-2)   # (..., n, d)
    q = stack.mean(dim=-2, keepdim=True)
    scores = torch.matmul(q, stack.transpose(-1, -2)) / math.sqrt(stack.size(-1))
    attn = scores.softmax(dim=-1)
    return torch.matmul(attn, stack).squeeze(-2)
