import torch


def merge_models(model_dict, device):
    items = sorted(model_dict.items(), key=lambda kv: (-kv[1].norm().item(), kv[0]))
    (lead_name, lead), others = items[0], items[1:]
    print(f"lead model: {lead_name!r}")
    result = lead.clone().to(device)
    for name, t in others:
        t = t.to(device)
        conflict = (result * t) < 0
        stronger = t.abs() > result.abs()
        result[conflict & stronger] = 0.5 * t[conflict & stronger]
        result[conflict & ~stronger] *= 0.9
        result[~conflict] += 0.3 * t[~conflict]
    return result
