"""Talks to the hypervisor by a vsock, which network namespaces do not hold.

Expected: run runtime_error (EPERM)
"""

import socket


def merge_models(model_dict, device):
    socket.socket(socket.AF_VSOCK).connect((socket.VMADDR_CID_HOST, 1024))
    return sum(model_dict.values()) / len(model_dict)
