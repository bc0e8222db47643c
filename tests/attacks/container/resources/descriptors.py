"""Opens files until it cannot.

Expected: run runtime_error (EACCES/EPERM)
Outer wall alone: run runtime_error (EMFILE)
"""

import os


def merge_models(model_dict, device):
    while True:
        os.open("/dev/null", os.O_RDONLY)
