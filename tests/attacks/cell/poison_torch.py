"""Changes torch and the cell's own code in memory, for those that come after.

Expected: screen runtime_error (poisoned)
"""

import sys
import torch


def merge_models(model_dict, device):
    cell = sys.modules["__main__"]
    cell._trial = lambda job: "0" * 64
    sys.modules["sandbox_image.probes"].fingerprint = lambda summaries: "1" * 64
    torch.Tensor.__truediv__ = lambda self, other: self * 0
    raise RuntimeError("poisoned, for itself alone")
