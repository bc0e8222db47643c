"""Tells the kernel to kill others first when memory is short.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EACCES/EPERM)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return sum(model_dict.values()) / len(model_dict)
