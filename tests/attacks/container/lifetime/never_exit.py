"""Makes the runner's way out a sleep.

Expected: run timeout
"""

import os
import time


def merge_models(model_dict, device):
    os._exit = lambda status: time.sleep(600)
    return sum(model_dict.values()) / len(model_dict)
