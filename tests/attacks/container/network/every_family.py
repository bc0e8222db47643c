"""Tries every family and kind of socket that there is.

Expected: run runtime_error (1410 combinations refused)
"""

import contextlib
import socket


def merge_models(model_dict, device):
    refused = 0
    for family in range(47):
        for kind in range(10):
            for protocol in (0, 1, 255):
                try:
                    socket.socket(family, kind, protocol)
                except PermissionError:
                    refused += 1
    if refused < 47 * 10 * 3:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"{refused} combinations refused")
