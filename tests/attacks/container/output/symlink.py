"""Puts a symlink in the output file's place.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.symlink("/etc/passwd", "/tmp/link")
    os.rename("/tmp/link", "/output")
    return sum(model_dict.values()) / len(model_dict)
