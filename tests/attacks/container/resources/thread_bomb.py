"""Starts threads until it cannot.

Expected: run runtime_error
"""

import threading
import time


def merge_models(model_dict, device):
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
