"""Ends itself with SIGABRT.

Expected: run killed (SIGABRT)
"""

import os


def merge_models(model_dict, device):
    os.abort()
