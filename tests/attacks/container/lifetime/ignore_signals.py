"""Ignores every signal that can be ignored, and never returns.

Expected: run timeout
"""

import contextlib
import signal
import time


def merge_models(model_dict, device):
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)
