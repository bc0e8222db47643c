"""Ends with the runner's own failure status and without its message.

Expected: run protocol
"""

import os


def merge_models(model_dict, device):
    os._exit(10)
