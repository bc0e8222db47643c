"""Asks the kernel for its routes, users of memory and audit messages.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))
    return sum(model_dict.values()) / len(model_dict)
