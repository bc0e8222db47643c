"""Nests directories without end, for whoever has to remove them.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (ENOSPC)
"""

import os


def merge_models(model_dict, device):
    descriptor = os.open("/tmp", os.O_RDONLY)
    while True:
        os.mkdir("x", dir_fd=descriptor)
        below = os.open("x", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
