"""Makes a socket pair, the most harmless of sockets.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.socketpair()
    return sum(model_dict.values()) / len(model_dict)
