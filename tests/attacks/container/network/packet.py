"""Listens to raw packets.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).recv(1)
    return sum(model_dict.values()) / len(model_dict)
