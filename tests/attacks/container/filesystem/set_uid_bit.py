"""Leaves a program that runs as its owner.

Expected: run runtime_error (EPERM/EACCES)
"""

import os


def merge_models(model_dict, device):
    os.close(os.open("/tmp/program", os.O_WRONLY | os.O_CREAT))
    os.chmod("/tmp/program", 0o4755)
    return sum(model_dict.values()) / len(model_dict)
