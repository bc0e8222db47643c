import torch


def merge_models(model_dict, device, prun_thre_k: int = 2, tall_mask_lambda: float = 0.4):
    """Consensus TA (Wang et al., 2024): keep what at least k tasks use."""
    taus = torch.stack([v.to(device) for v in model_dict.values()])
    mtl = taus.sum(dim=0)
    tall = taus.abs() > tall_mask_lambda * (mtl.unsqueeze(0) - taus).abs()
    agree = tall.int().sum(dim=0)
    keep = (agree >= min(prun_thre_k, taus.size(0))).type_as(mtl)
    return 0.5 * keep * mtl
