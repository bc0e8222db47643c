"""Overwrites the running program of the container's first process, which is the host's own file (CVE-2019-5736).

Expected: run runtime_error (EACCES/EROFS/EPERM/ETXTBSY)
"""

import os


def merge_models(model_dict, device):
    os.open("/proc/1/exe", os.O_WRONLY)
    return sum(model_dict.values()) / len(model_dict)
