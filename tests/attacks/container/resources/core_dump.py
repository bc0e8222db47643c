"""Leaves a copy of its memory on the host's disk when it crashes.

Expected: run runtime_error (not allowed to raise/EPERM) or run killed
Outer wall alone: run runtime_error (not allowed to raise)
"""

import os
import resource
import signal


def merge_models(model_dict, device):
    resource.setrlimit(resource.RLIMIT_CORE, (2**30, 2**30))
    os.kill(os.getpid(), signal.SIGQUIT)
