"""Connects to an address outside.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.create_connection(("1.1.1.1", 53), timeout=2)
    return sum(model_dict.values()) / len(model_dict)
