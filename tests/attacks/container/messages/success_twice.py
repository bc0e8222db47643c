"""Says `done` in the runner's name before the runner does, and goes on like an honest program.

Expected: run protocol
"""

import os

PREFIX = b"\n\x1eassay "
DONE = b'{"kind": "done", "id": "", "reason": "", "detail": "", "fingerprint": ""}\n'


def merge_models(model_dict, device):
    os.write(1, PREFIX + DONE)
    return sum(model_dict.values()) / len(model_dict)
