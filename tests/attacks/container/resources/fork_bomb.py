"""Forks until it cannot.

Expected: run runtime_error or run timeout
"""

import os


def merge_models(model_dict, device):
    while True:
        os.fork()
