"""Changes the runner for those that come after.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EROFS)
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/opt/assay/sandbox_image/runner.py").write_text("")
    return sum(model_dict.values()) / len(model_dict)
