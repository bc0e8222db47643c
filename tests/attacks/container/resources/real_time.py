"""Asks to run before everything else on the host.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return sum(model_dict.values()) / len(model_dict)
