"""Does not end, and does not listen to those who ask it to.

Tried: every signal that can be ignored is, and then it waits.
Must be seen: it is killed at its deadline, which is the host's.
"""

import signal
import time


def merge_models(model_dict, device):
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        time.sleep(60)
