"""Opens pipes and fills them as they are, until it cannot.

Expected: run runtime_error (EPERM)
Outer wall alone: run runtime_error (EMFILE)
"""

import os


def merge_models(model_dict, device):
    while True:
        _, writer = os.pipe()
        os.set_blocking(writer, False)
        os.write(writer, bytes(2**16))
