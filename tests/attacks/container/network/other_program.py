"""Becomes another program and connects from there, where a filter might not follow.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (status 7)
"""

import os
import sys

CODE = """
import socket, sys
try:
    socket.create_connection(("1.1.1.1", 53), timeout=1)
except PermissionError:
    sys.exit(7)
"""


def merge_models(model_dict, device):
    os.execv(sys.executable, [sys.executable, "-c", CODE])
