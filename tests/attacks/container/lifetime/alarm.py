"""Forges its success, and has the kernel end it by a timer.

Expected: run runtime_error (EPERM)
Outer wall alone: run killed (SIGALRM)
"""

import os
import signal
import time

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    os.write(1, encode_message(Message(kind="done")))
    time.sleep(600)
