"""Leaves a process behind, in a session of its own, that goes on when the next program comes.

Expected: screen runtime_error (EPERM)
Outer wall alone: screened (its processes are ended with it)
"""

import os
import time

state = {"calls": 0}


def merge_models(model_dict, device):
    state["calls"] += 1
    if state["calls"] == 1 and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(1)
        os._exit(0)
    return sum(model_dict.values()) / len(model_dict)
