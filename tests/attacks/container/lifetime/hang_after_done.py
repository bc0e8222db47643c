"""Says that it is done, like an honest program, and then does not leave.

Expected: run timeout
"""

import os
import time


def merge_models(model_dict, device):
    os.read = lambda descriptor, count: time.sleep(600)
    return sum(model_dict.values()) / len(model_dict)
