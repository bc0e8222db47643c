"""Makes /tmp its root, to walk out of it from a descriptor of the old one.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.chroot("/tmp")
    return sum(model_dict.values()) / len(model_dict)
