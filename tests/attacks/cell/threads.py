"""Starts threads until it cannot, so that the cell can start nothing.

Expected: screen runtime_error (start new thread)
"""

import threading
import time


def merge_models(model_dict, device):
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
