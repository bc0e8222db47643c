"""Opens files until it cannot.

Expected: run runtime_error
"""

import os


def merge_models(model_dict, device):
    while True:
        os.open("/dev/null", os.O_RDONLY)
