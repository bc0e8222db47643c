"""Sends a line with the message prefix that is no message (a key twice, and one unknown).

Expected: run protocol
"""

import os

PREFIX = b"\n\x1eassay "


def merge_models(model_dict, device):
    os.write(1, PREFIX + b'{"kind": "done", "kind": "failed", "x": 1}\n')
    return sum(model_dict.values()) / len(model_dict)
