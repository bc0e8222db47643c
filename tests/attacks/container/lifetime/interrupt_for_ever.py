"""Interrupts itself on and on, and takes each interrupt for a reason to start again.

Expected: run runtime_error (EPERM)
Outer wall alone: run timeout
"""

import signal
import time


def merge_models(model_dict, device):
    signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.001))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            continue
