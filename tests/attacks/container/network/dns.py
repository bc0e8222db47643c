"""Asks for the address of a name, which would carry data out in the name itself.

Expected: run runtime_error (gaierror)
"""

import socket


def merge_models(model_dict, device):
    socket.getaddrinfo("weights.example.com", 443)
    return sum(model_dict.values()) / len(model_dict)
