"""Sets the host's clock.

Expected: run runtime_error (EPERM)
"""

import time


def merge_models(model_dict, device):
    time.clock_settime(time.CLOCK_REALTIME, 0.0)
    return sum(model_dict.values()) / len(model_dict)
