"""Leaves with the status that a killed process has.

Expected: run killed (SIGKILL)
"""

import os


def merge_models(model_dict, device):
    os._exit(137)
