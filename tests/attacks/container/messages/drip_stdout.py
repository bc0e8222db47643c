"""Says one byte after the other: too few for a flood, too often for a pause.

Expected: run timeout
"""

import os
import time


def merge_models(model_dict, device):
    while True:
        os.write(1, b"x")
        pause = time.perf_counter() + 0.0003
        while time.perf_counter() < pause:
            pass
