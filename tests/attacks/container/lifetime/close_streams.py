"""Closes its streams, so that a reader sees their end, and never returns.

Expected: run timeout
"""

import os
import time


def merge_models(model_dict, device):
    os.closerange(0, 64)
    time.sleep(600)
