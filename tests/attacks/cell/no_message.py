"""Leaves without a word.

Expected: screen protocol (no readable result)
"""

import os


def merge_models(model_dict, device):
    os._exit(0)
