import torch


def merge_models(model_dict, device):
    width, prec = 10, 3
    for k, v in model_dict.items():
        print(f"{k.upper():>{width}} {float(v.mean()):+.{prec}f} {v.shape[0]:03d} {v.dtype!s} {list(v.shape)}")
    label = ", ".join(f"{k}({len(k)})" for k in sorted(model_dict, key=len))
    print(f"merging {label or 'nothing'}")
    s = torch.stack(list(model_dict.values()))
    print(f"stacked: {s.shape}, norm={s.norm():.2f}, max={s.max().item():g}")
    return s.mean(0)
