"""Opens the pipes of the process that forked it, by which jobs come and verdicts go.

Expected: screen runtime_error (EACCES/EPERM)
"""

import os


def merge_models(model_dict, device):
    os.open(f"/proc/{os.getppid()}/fd/1", os.O_WRONLY)
    return sum(model_dict.values()) / len(model_dict)
