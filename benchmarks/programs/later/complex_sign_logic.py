import torch


def merge_models(model_dict, device):
    t = torch.stack([x.to(device) for x in model_dict.values()])
    pos_mass = t.clamp(min=0).sum(0)
    neg_mass = (-t).clamp(min=0).sum(0)
    direction = torch.where(pos_mass >= neg_mass, torch.ones_like(pos_mass), -torch.ones_like(neg_mass))
    consistent = t * direction > 0
    magnitude = torch.where(consistent, t.abs(), torch.zeros_like(t))
    count = consistent.sum(dim=0)
    avg = magnitude.sum(0) / torch.max(count, torch.ones_like(count))
    mx = magnitude.max(dim=0)[0]
    blend = (count.float() / t.size(0)).pow(0.5)
    return direction * (blend * mx + (1 - blend) * avg)
