"""Makes a named pipe, on which whoever opens it waits for ever.

Expected: run runtime_error (EPERM/EACCES)
"""

import os


def merge_models(model_dict, device):
    os.mkfifo("/tmp/output")
    return sum(model_dict.values()) / len(model_dict)
