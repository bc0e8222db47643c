"""Waits for others to connect to it.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.create_server(("0.0.0.0", 8080)).accept()
    return sum(model_dict.values()) / len(model_dict)
