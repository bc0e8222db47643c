"""Checked files for the reports' tests."""

from __future__ import annotations

from policies.reports.checked import Checked, check_file

GOOD = (
    "import torch\n\n\ndef merge_models(model_dict, device):\n    return sum(model_dict.values()) / len(model_dict)\n"
)
BAD = "import os\n\n\ndef merge_models(model_dict, device):\n    s = 'äö𝔘'; return open(s)\n"


def good(path: str = "good.py") -> Checked:
    return check_file(path, GOOD.encode())


def bad(path: str = "bad.py") -> Checked:
    return check_file(path, BAD.encode())
