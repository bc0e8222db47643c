import torch


def to_report(d, indent=0):
    """Pretty-print a nested dict without importing json."""
    lines = []
    for key, value in d.items():
        prefix = " " * indent + str(key) + ": "
        if isinstance(value, dict):
            lines.append(prefix)
            lines.extend(to_report(value, indent + 2))
        elif isinstance(value, (list, tuple)):
            lines.append(prefix + "[" + ", ".join(map(str, value)) + "]")
        elif isinstance(value, float):
            lines.append(prefix + "{:.4g}".format(value))
        else:
            lines.append(prefix + repr(value))
    return lines


def merge_models(model_dict, device):
    report = {"models": {}, "total": len(model_dict)}
    for name, t in model_dict.items():
        q = torch.quantile(t.flatten().float(), torch.tensor([0.05, 0.5, 0.95]))
        report["models"][name] = {"shape": tuple(t.shape), "q": [round(v, 3) for v in q.tolist()], "l1": t.abs().sum().item()}
    print("\n".join(to_report(report)))
    w = [report["models"][n]["l1"] for n in model_dict]
    w = [x / sum(w) for x in w]
    return sum(wi * t.to(device) for wi, t in zip(w, model_dict.values()))
