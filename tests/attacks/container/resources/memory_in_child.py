"""Has a child killed for its memory, and returns like an honest program.

Expected: run runtime_error (EPERM)
Outer wall alone: run out_of_memory
Bubblewrap alone: run timeout
"""

import os


def merge_models(model_dict, device):
    child = os.fork()
    if child == 0:
        kept = []
        while True:
            kept.append(bytearray(b"x" * 16 * 2**20))
    os.waitpid(child, 0)
    return sum(model_dict.values()) / len(model_dict)
