"""Goes on in a child in a session of its own, while the parent leaves with status 0.

Expected: run runtime_error (EPERM)
Outer wall alone: verify output_missing
"""

import os
import time


def merge_models(model_dict, device):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    os._exit(0)
