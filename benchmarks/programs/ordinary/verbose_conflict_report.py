import torch
from collections import defaultdict, Counter
from typing import DefaultDict, List


def conflict_fraction(a: torch.Tensor, b: torch.Tensor) -> float:
    """Share of entries where the two vectors have opposite signs."""
    return ((a * b) < 0).float().mean().item()


def merge_models(model_dict, device):
    """Report conflicts and merge with weights that fall with conflict."""
    conflicts: DefaultDict[str, List[float]] = defaultdict(list)
    names = sorted(model_dict)
    for i, first in enumerate(names):
        for second in names[i + 1:]:
            fraction = conflict_fraction(model_dict[first], model_dict[second])
            conflicts[first].append(fraction)
            conflicts[second].append(fraction)
    votes = Counter()
    for name, values in conflicts.items():
        votes[name] = 1.0 - sum(values) / len(values)
    for name, score in votes.most_common():
        print(f"{name:>10s}: {score:.3f}")
    total = sum(votes.values()) or 1.0
    out = torch.zeros_like(model_dict[names[0]], device=device)
    for name in names:
        out += (votes[name] / total) * model_dict[name].to(device)
    return out
