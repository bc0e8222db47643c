"""Handles every signal that can be handled, and never returns.

Expected: screen timeout
"""

import signal
import time


def merge_models(model_dict, device):
    for number in signal.valid_signals():
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        time.sleep(1)
