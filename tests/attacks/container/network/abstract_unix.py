"""Connects to the engine's shim by an abstract socket, which no mount hides (CVE-2020-15257).

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.socket(socket.AF_UNIX).connect("\0/containerd-shim/x.sock")
    return sum(model_dict.values()) / len(model_dict)
