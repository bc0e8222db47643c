"""Fills the output itself with numbers that pass for weights, and leaves with status 0 before it is done.

Expected: run runtime_error (EPERM)
Outer wall alone: verify protocol
"""

import os


def merge_models(model_dict, device):
    size = os.stat("/output").st_size
    descriptor = os.open("/output", os.O_WRONLY)
    os.pwrite(descriptor, bytes(size), 0)
    os._exit(0)
