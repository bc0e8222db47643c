"""Writes a program of its own to /tmp and runs it.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EACCES)
"""

import os


def merge_models(model_dict, device):
    descriptor = os.open("/tmp/program", os.O_WRONLY | os.O_CREAT, 0o700)
    os.write(descriptor, b"#!/usr/bin/env python3\nimport sys; sys.exit(0)\n")
    os.close(descriptor)
    os.execv("/tmp/program", ["/tmp/program"])
